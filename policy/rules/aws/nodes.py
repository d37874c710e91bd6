"""Node groups and Karpenter's pools: bounded, without public addresses, from a fixed image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.gpu_resources import GPU, PRESENT_LABEL
from policy.graph.resources import Resource, Stack
from policy.graph.values import differs, each, get, holds_unknown, yes
from policy.rules.model import Level, ResourceRule, Setting, Settings, StackRule, resource_rule

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
# What starts machines with settings of its own.
MACHINES = ("aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance", NODE_CLASS)
# Families of EC2 with NVIDIA GPUs: G and P, with their variants (g6e, p5en, gr6).
GPU_FAMILY = re.compile(r"(g|gr|p)\d+[a-z]*(\.|$)")


def requirement(pool: Resource, key: str) -> list[Any]:
    """The values that a Karpenter NodePool requires (`operator: In`) for a node label."""
    requirements = each(get(pool.props, "spec", "template", "spec", "requirements"))
    wanted = [item for item in requirements if get(item, "key") == key and get(item, "operator") == "In"]
    return [value for item in wanted for value in each(get(item, "values"))]


def has_gpus(pool: Resource) -> bool:
    """Whether a node group or NodePool starts nodes with GPUs."""
    if pool.type == NODE_GROUP:
        # With a capacity block the instance type is in the launch template; the label is there in any case.
        labelled = get(pool.props, "labels", PRESENT_LABEL) is not None
        return labelled or any(GPU_FAMILY.match(str(kind)) for kind in each(pool.props.get("instanceTypes")))
    taints = each(get(pool.props, "spec", "template", "spec", "taints"))
    labels = ("node.kubernetes.io/instance-type", "karpenter.k8s.aws/instance-family")
    named = [str(value) for label in labels for value in requirement(pool, label)]
    categories = requirement(pool, "karpenter.k8s.aws/instance-category")
    return (
        any(get(taint, "key") == GPU for taint in taints)
        or any(GPU_FAMILY.match(value) for value in named)
        or bool({"g", "p"} & set(categories))
    )


def may_have_gpus(pool: Resource) -> bool:
    """Whether a pool has GPUs, or may have some once its unknown parts are known."""
    props = pool.props
    return has_gpus(pool) or holds_unknown([props.get("instanceTypes"), props.get("labels"), props.get("spec")])


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool of nodes as a pod sees it: its labels, whether it may have GPUs, and whether it has a maximum of them."""

    labels: Any
    gpus: bool
    bounded: bool


def list_pools(stack: Stack) -> list[Pool]:
    """The node groups and NodePools of a stack."""
    groups = [
        Pool(labels=group.props.get("labels"), gpus=may_have_gpus(group), bounded=True)
        for group in stack.of(NODE_GROUP)
    ]
    return groups + [
        Pool(
            labels=get(pool.props, "spec", "template", "metadata", "labels"),
            gpus=may_have_gpus(pool),
            bounded=get(pool.props, "spec", "limits", GPU) is not None,
        )
        for pool in stack.of(NODE_POOL)
    ]


@resource_rule(
    "gpu-pool-has-maximum",
    types=(NODE_GROUP, NODE_POOL),
    level=Level.MANDATORY,
    reason="a loop that submits jobs would otherwise buy GPUs until somebody reads the bill",
    remedy=f"Give the NodePool spec.limits with {GPU}, or the node group a maxSize within `nodes`.",
    settings={"nodes": Setting(default=64, description="the most nodes that one GPU node group may have")},
)
def gpu_pool_has_maximum(pool: Resource, settings: Settings) -> Iterator[str]:
    """Every pool of GPU nodes has a maximum."""
    if not has_gpus(pool):
        return
    if pool.type == NODE_POOL:
        if get(pool.props, "spec", "limits", GPU) is None:
            yield f"spec.limits has no {GPU}."
        return
    size, most = get(pool.props, "scalingConfig", "maxSize"), int(settings["nodes"])
    if isinstance(size, int | float) and size > most:
        yield f"maxSize is {int(size)}, over {most}."


@resource_rule(
    "node-pool-has-maximum",
    types=(NODE_POOL,),
    level=Level.ADVISORY,
    reason="CPU nodes are cheap enough that the budget alarm comes in time",
    remedy="Set spec.limits.cpu.",
)
def node_pool_has_maximum(pool: Resource, _: Settings) -> Iterator[str]:
    """Every Karpenter NodePool has a limit."""
    if not get(pool.props, "spec", "limits"):
        yield "no spec.limits."


@resource_rule(
    "instance-metadata-v2",
    types=MACHINES,
    level=Level.MANDATORY,
    reason="a pod that reaches the metadata service holds the node's credentials",
    remedy="Set httpTokens to required and httpPutResponseHopLimit to 1 in metadataOptions.",
)
def instance_metadata_v2(node: Resource, _: Settings) -> Iterator[str]:
    """A node's metadata service answers only requests with a session token, and only from the node itself."""
    spec = node.props.get("spec") if node.type.startswith("kubernetes:") else node.props
    options = get(spec, "metadataOptions")
    if differs(get(options, "httpTokens"), "required"):
        yield "httpTokens is not required."
    if differs(get(options, "httpPutResponseHopLimit"), 1):
        yield "httpPutResponseHopLimit is not 1, so that pods can reach the node's credentials."


@resource_rule(
    "nodes-without-public-address",
    types=MACHINES,
    level=Level.MANDATORY,
    reason="nodes need no inbound access: they reach the outside through NAT and endpoints",
    remedy="Remove the public address and use private subnets.",
)
def nodes_without_public_address(node: Resource, _: Settings) -> Iterator[str]:
    """No node has a public address."""
    interfaces = each(node.props.get("networkInterfaces"))
    flags = [get(interface, "associatePublicIpAddress") for interface in interfaces]
    flags += [node.props.get("associatePublicIpAddress"), get(node.props, "spec", "associatePublicIPAddress")]
    if any(yes(flag) for flag in flags):
        yield "it asks for a public address."


@resource_rule(
    "node-image-pinned",
    types=(NODE_CLASS,),
    level=Level.MANDATORY,
    reason="a new image would replace every node on the day AWS publishes it",
    remedy="Name a dated version in amiSelectorTerms, such as alias al2023@v20260101, or an image id.",
)
def node_image_pinned(node_class: Resource, _: Settings) -> Iterator[str]:
    """Karpenter starts nodes from one dated image."""
    for term in each(get(node_class.props, "spec", "amiSelectorTerms")):
        alias = get(term, "alias")
        if isinstance(alias, str) and (alias.endswith("@latest") or "@" not in alias):
            yield f"alias {alias} moves."


RULES: tuple[ResourceRule | StackRule, ...] = (
    gpu_pool_has_maximum,
    node_pool_has_maximum,
    instance_metadata_v2,
    nodes_without_public_address,
    node_image_pinned,
)
