"""What can be bought has a maximum, an owner and a budget."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from components.aws.tags import REQUIRED
from policy.rules.model import (
    STACKS,
    Level,
    Resource,
    ResourceRule,
    Setting,
    Settings,
    Stack,
    StackRule,
    in_production,
    resource_rule,
    stack_rule,
)
from policy.rules.values import UNKNOWN, each, get

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
GPU = "nvidia.com/gpu"
# Families of EC2 with NVIDIA GPUs: G and P, with their variants (g6e, p5en, gr6).
GPU_FAMILY = re.compile(r"(g|gr|p)\d+[a-z]*(\.|$)")
# AWS resources that take tags and cost money or hold data. Others inherit their bill from these.
TAGGED = (
    "aws:ec2/vpc:Vpc",
    "aws:ec2/natGateway:NatGateway",
    "aws:eks/cluster:Cluster",
    NODE_GROUP,
    "aws:s3/bucket:Bucket",
    "aws:efs/fileSystem:FileSystem",
    "aws:fsx/lustreFileSystem:LustreFileSystem",
    "aws:rds/instance:Instance",
    "aws:ecr/repository:Repository",
    "aws:kms/key:Key",
    "aws:secretsmanager/secret:Secret",
    "aws:iam/role:Role",
)


def requirement(pool: Resource, key: str) -> list[Any]:
    """The values that a Karpenter NodePool requires (`operator: In`) for a node label."""
    requirements = each(get(pool.props, "spec", "template", "spec", "requirements"))
    wanted = [item for item in requirements if get(item, "key") == key and get(item, "operator") == "In"]
    return [value for item in wanted for value in each(get(item, "values"))]


def has_gpus(pool: Resource) -> bool:
    """Whether a node group or NodePool starts nodes with GPUs."""
    if pool.type == NODE_GROUP:
        return any(GPU_FAMILY.match(str(kind)) for kind in each(pool.props.get("instanceTypes")))
    taints = each(get(pool.props, "spec", "template", "spec", "taints"))
    labels = ("node.kubernetes.io/instance-type", "karpenter.k8s.aws/instance-family")
    named = [str(value) for label in labels for value in requirement(pool, label)]
    categories = requirement(pool, "karpenter.k8s.aws/instance-category")
    return (
        any(get(taint, "key") == GPU for taint in taints)
        or any(GPU_FAMILY.match(value) for value in named)
        or bool({"g", "p"} & set(categories))
    )


@resource_rule(
    "gpu-pool-has-maximum",
    types=(NODE_GROUP, NODE_POOL),
    level=Level.MANDATORY,
    reason="a loop that submits jobs would otherwise buy GPUs until somebody looks at the bill",
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
    reason="CPU nodes are cheap enough to be noticed by the budget alarm in time",
    remedy="Set spec.limits.cpu.",
)
def node_pool_has_maximum(pool: Resource, _: Settings) -> Iterator[str]:
    """Every Karpenter NodePool has a limit."""
    if not get(pool.props, "spec", "limits"):
        yield "no spec.limits."


def default_tags(provider: Any) -> Any:
    """The tags that a provider puts on everything. Providers take nested inputs as JSON text."""
    given = get(provider, "defaultTags")
    if isinstance(given, str):
        given = json.loads(given)
    return get(given, "tags")


@resource_rule(
    "tags-complete",
    types=TAGGED,
    level=Level.MANDATORY,
    reason="what has no owner and no environment cannot be charged, nor cleaned up",
    remedy="Set the tags in the provider's defaultTags, or on the resource.",
    settings={
        "tags": Setting(
            default=REQUIRED,
            description="tags that every resource that costs money must have",
        )
    },
)
def tags_complete(resource: Resource, settings: Settings) -> Iterator[str]:
    """Everything that costs money says whose it is."""
    own, shared = resource.props.get("tags"), default_tags(resource.provider)
    if own is UNKNOWN or shared is UNKNOWN:
        return
    missing = [tag for tag in settings["tags"] if not (get(own, tag) or get(shared, tag))]
    if missing:
        yield f"missing tags: {', '.join(missing)}."


@stack_rule(
    "environment-has-budget",
    level=Level.ADVISORY,
    reason="a company may watch its spending elsewhere",
    remedy="Give the teams a budget in the stack file.",
    settings=STACKS,
)
def environment_has_budget(stack: Stack, settings: Settings) -> Iterator[tuple[Resource, str]]:
    """A production environment on AWS has a budget with an alarm."""
    clusters = [found for found in stack.of("aws:eks/cluster:Cluster") if in_production(found, settings)]
    budgets = stack.of("aws:budgets/budget:Budget")
    if clusters and not any(budget.props.get("notifications") for budget in budgets):
        yield clusters[0], "no aws.budgets.Budget with notifications."


RULES: tuple[ResourceRule | StackRule, ...] = (
    gpu_pool_has_maximum,
    node_pool_has_maximum,
    tags_complete,
    environment_has_budget,
)
