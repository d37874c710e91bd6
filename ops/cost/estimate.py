"""The bill of a graph that a preview recorded: at least (floor) and at most (ceiling)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from components.gpu_resources import GPU
from components.labels import TEAM_LABEL
from ops.bill import SHARED, Estimate, Item, Pricing, number
from ops.preview.record import Preview

QUOTA = "kubernetes:core/v1:ResourceQuota"
NAMESPACE = "kubernetes:core/v1:Namespace"
Side = Literal["before", "after"]


def list_items(preview: Preview, side: Side) -> list[Item]:
    """The resources before, or after, the previewed change."""
    found: list[Item] = []
    for resource in preview.resources:
        state = resource.before if side == "before" else resource.after
        if state is not None:
            found.append(Item(type=resource.type, name=resource.name, inputs=state.inputs))
    return found


def estimate(graph: Sequence[Item], pricing: Pricing | None) -> Estimate:
    """The bill of a graph. Without resources of the cloud it has no lines: nobody sends a bill for it."""
    if pricing is None or not any(pricing.bills(item) for item in graph):
        return Estimate(lines=())
    lines = [line for item in graph if (line := pricing.line(item, graph))]
    return Estimate(
        lines=tuple(line for line in lines if line.ceiling or line.note),
        unpriced=tuple(sorted({item.type for item in graph if pricing.lacks(item)})),
        quotas=dict(_price_quotas(graph, pricing)),
    )


def _price_quotas(graph: Sequence[Item], pricing: Pricing) -> Iterator[tuple[str, float]]:
    """The most that a team's quota can use of the shared pools: their dearest GPUs, as many as there are."""
    pools = [pool for item in graph if item.team == SHARED and (pool := pricing.gpu_pool(item, graph))]
    pools.sort(key=lambda pool: -pool.hourly)
    namespaces = [item for item in graph if item.type == NAMESPACE]
    owners = {item.at("metadata", "name"): item.at("metadata", "labels", TEAM_LABEL) for item in namespaces}
    for quota in (item for item in graph if item.type == QUOTA):
        team = quota.at("metadata", "labels", TEAM_LABEL) or owners.get(quota.at("metadata", "namespace"))
        gpus = number(quota.at("spec", "hard", f"requests.{GPU}"))
        cost = 0.0
        for pool in pools:
            used = min(gpus, pool.gpus)
            gpus -= used
            cost += used * pool.hourly * pricing.hours
        if team and cost:
            yield str(team), cost
