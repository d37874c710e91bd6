"""How much of a server may be missing while nodes are drained, as a PodDisruptionBudget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi_kubernetes.policy import v1 as policy


@dataclass(frozen=True, kw_only=True)
class Disruption:
    """How many replicas a node drain may take (or must leave): a number, or a percentage such as `"25%"`."""

    max_unavailable: int | str | None = None
    min_available: int | str | None = None


def disruption_budget_spec(
    disruption: Disruption, *, selector: Mapping[str, str]
) -> policy.PodDisruptionBudgetSpecArgsDict:
    """A budget of one missing replica unless another one is asked for.

    Replicas that are not ready may always be evicted: a server that never starts must not block a node's
    drain.
    """
    spec: policy.PodDisruptionBudgetSpecArgsDict = {
        "selector": {"match_labels": dict(selector)},
        "unhealthy_pod_eviction_policy": "AlwaysAllow",
    }
    if disruption.min_available is not None:
        spec["min_available"] = disruption.min_available
    elif disruption.max_unavailable is not None:
        spec["max_unavailable"] = disruption.max_unavailable
    else:
        spec["max_unavailable"] = 1
    return spec
