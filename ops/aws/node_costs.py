"""What nodes cost: managed node groups and Karpenter's pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.aws import tags
from components.aws.compute import instance_types
from components.gpu_resources import GPU
from ops.aws.price_table import Prices
from ops.bill import GpuPool, Item, Line, number

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def instance_kinds(item: Item, everything: Sequence[Item]) -> list[str]:
    """The instance types that a node group or NodePool may start; none where only the update can tell."""
    if item.type == NODE_POOL:
        return _required(item, "node.kubernetes.io/instance-type")
    if item.type != NODE_GROUP:
        return []
    kinds = [str(kind) for kind in item.at("instanceTypes") or []]
    # With a capacity block the type stands in the launch template.
    return kinds or [str(t.at("instanceType")) for t in _templates(item, everything) if t.at("instanceType")]


def gpu_pool(item: Item, everything: Sequence[Item], prices: Prices) -> GpuPool | None:
    """The GPUs of a pool; None for one without, or without a price or a maximum."""
    found: list[GpuPool] = []
    for kind in instance_kinds(item, everything):
        cost, shape = prices.instance(kind), instance_types.known().get(kind)
        if cost is None or shape is None or not shape.gpus:
            continue
        limits = item.at("spec", "limits") or {}
        nodes = number(item.at("scalingConfig", "maxSize")) if item.type == NODE_GROUP else _nodes_within(kind, limits)
        if nodes:
            found.append(GpuPool(gpus=nodes * shape.gpus, hourly=cost / shape.gpus))
    return max(found, key=lambda pool: pool.hourly, default=None)


def _templates(item: Item, everything: Sequence[Item]) -> list[Item]:
    """The launch templates of a node group, which carry the same pool tag."""
    pool = item.at("tags", tags.NODE_POOL)
    return [t for t in everything if t.type == TEMPLATE and pool and t.at("tags", tags.NODE_POOL) == pool]


def _disk(sources: Sequence[Mapping[str, Any]], prices: Prices) -> float:
    """GiB of the root disk: the first block device of a launch template or EC2NodeClass, otherwise the assumed size."""
    for source in sources:
        for mapping in source.get("blockDeviceMappings") or []:
            if size := number(str((mapping.get("ebs") or {}).get("volumeSize")).removesuffix("Gi")):
                return size
    return prices.assumptions["node-disk-gb"]


def _node_price(kind: str, disk: float, prices: Prices) -> float | None:
    """Dollars a month of one node, with its disk."""
    hourly = prices.instance(kind)
    return None if hourly is None else hourly * prices.hours + disk * prices.service("ebs-gp3-gb-month")


def _unknown_pool(name: str, team: str, kinds: Sequence[str]) -> Line:
    note = f"no price of {', '.join(kinds) or 'its instance types'}: not counted"
    return Line(name=f"nodes {name}", group="nodes", floor=0, ceiling=0, team=team, pool=name, note=note)


def node_group(item: Item, everything: Sequence[Item], prices: Prices) -> Line:
    """A managed node group: minSize nodes of its cheapest type to maxSize of its dearest."""
    name = str(item.at("nodeGroupName") or item.name)
    kinds = instance_kinds(item, everything)
    disk = number(item.at("diskSize")) or _disk([t.inputs for t in _templates(item, everything)], prices)
    costs = [cost for kind in kinds if (cost := _node_price(kind, disk, prices)) is not None]
    if not kinds or len(costs) < len(kinds):
        return _unknown_pool(name, item.team, kinds)
    spot = item.at("capacityType") == "SPOT"
    share = prices.assumptions["spot-share"] if spot else 1.0
    least, most = number(item.at("scalingConfig", "minSize")), number(item.at("scalingConfig", "maxSize"))
    return Line(
        name=f"nodes {name}",
        group="nodes",
        floor=least * min(costs) * share,
        ceiling=most * max(costs),
        team=item.team,
        pool=name,
        note=f"{least:g} to {most:g} of {', '.join(kinds)}" + (", spot" if spot else ""),
    )


def _required(item: Item, key: str) -> list[str]:
    requirements = item.at("spec", "template", "spec", "requirements") or []
    return [str(v) for r in requirements if r.get("key") == key and r.get("operator") == "In" for v in r["values"]]


def karpenter_pool(item: Item, everything: Sequence[Item], prices: Prices) -> Line:
    """A Karpenter NodePool: from no node to what its limits allow of the dearest type they allow."""
    name = str(item.at("metadata", "name") or item.name)
    kinds = instance_kinds(item, everything)
    limits = item.at("spec", "limits") or {}
    node_class = item.at("spec", "template", "spec", "nodeClassRef", "name")
    classes = [c for c in everything if c.type == NODE_CLASS and c.at("metadata", "name") == node_class]
    disk = _disk([c.at("spec") or {} for c in classes], prices)
    costs: dict[str, float] = {}
    for kind in kinds:
        cost = _node_price(kind, disk, prices)
        count = _nodes_within(kind, limits)
        if cost is None or count is None:
            return _unknown_pool(name, item.team, kinds)
        costs[f"{count:g} of {kind}"] = cost * count
    if not costs:
        return _unknown_pool(name, item.team, kinds)
    dearest = max(costs, key=lambda text: costs[text])
    return Line(
        name=f"nodes {name}",
        group="nodes",
        floor=0,
        ceiling=costs[dearest],
        team=item.team,
        pool=name,
        note=f"0 to {dearest}, by its limits",
    )


def _nodes_within(kind: str, limits: Mapping[str, Any]) -> float | None:
    """The most nodes of a type within limits on GPUs and CPUs; None when no limit bounds it."""
    if kind not in instance_types.known():
        return None
    shape = instance_types.named(kind)
    bounds: list[float] = []
    if GPU in limits and shape.gpus:
        bounds.append(number(limits[GPU]) // shape.gpus)
    if "cpu" in limits:
        bounds.append(number(limits["cpu"]) // shape.vcpus)
    return min(bounds) if bounds else None
