"""Where pods go: pools, affinity, spreading. Pure functions that return pieces of a Kubernetes pod spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.gpu_resources import GPU
from components.labels import TEAM_LABEL, selector_labels

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

POOL_LABEL = "ml-platform/node-pool"
GPU_TOLERATION: core.TolerationArgsDict = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
HOST = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
# The one weight that wishes have here: they do not compete.
WEIGHT = 100


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Pods of one workload differ by at most `max_skew` in number from one `topology` (a node label) to another.

    `required`: a pod waits rather than break the rule.
    """

    topology: str
    max_skew: int = 1
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Which nodes may run a pod, and who goes first. `priority` names a PriorityClass.

    `required_nodes` and `preferred_nodes`: node labels with the values that they may have. `near` and `away`: servers
    of the team, by the names of their entries, to share nodes with or to avoid.
    """

    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: Sequence[core.TolerationArgsDict] = ()
    priority: str | None = None
    required_nodes: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    preferred_nodes: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    near: Sequence[str] = ()
    away: Sequence[str] = ()
    spread: Sequence[Spread] = ()


def team_toleration(team: str) -> core.TolerationArgsDict:
    """Tolerates the taint of node pools that are dedicated to the team, and of no other team's."""
    return {"key": TEAM_LABEL, "operator": "Equal", "value": team, "effect": "NoSchedule"}


def affinity(placement: Placement) -> core.AffinityArgsDict | None:
    """The `affinity` of a pod, None when nothing is wished for."""
    built: core.AffinityArgsDict = {}
    nodes: core.NodeAffinityArgsDict = {}
    if placement.required_nodes:
        nodes["required_during_scheduling_ignored_during_execution"] = {
            "node_selector_terms": [{"match_expressions": _expressions(placement.required_nodes)}]
        }
    if placement.preferred_nodes:
        nodes["preferred_during_scheduling_ignored_during_execution"] = [
            {"weight": WEIGHT, "preference": {"match_expressions": [expression]}}
            for expression in _expressions(placement.preferred_nodes)
        ]
    if nodes:
        built["node_affinity"] = nodes
    if placement.near:
        built["pod_affinity"] = {
            "preferred_during_scheduling_ignored_during_execution": [_beside(name) for name in placement.near]
        }
    if placement.away:
        built["pod_anti_affinity"] = {
            "preferred_during_scheduling_ignored_during_execution": [_beside(name) for name in placement.away]
        }
    return built or None


def _expressions(labels: Mapping[str, Sequence[str]]) -> list[core.NodeSelectorRequirementArgsDict]:
    return [{"key": key, "operator": "In", "values": list(labels[key])} for key in sorted(labels)]


def _beside(server: str) -> core.WeightedPodAffinityTermArgsDict:
    return {
        "weight": WEIGHT,
        "pod_affinity_term": {
            "topology_key": HOST,
            "label_selector": {"match_labels": selector_labels(name=server, component="serving")},
        },
    }


def spread_constraints(
    spreads: Sequence[Spread], selector: Mapping[str, str], *, revisions: bool = False
) -> list[core.TopologySpreadConstraintArgsDict]:
    """Topology spread constraints of the pods that `selector` finds.

    `revisions`: pods of each revision of a Deployment are counted apart, since those of one that is leaving do not
    matter.
    """
    constraints: list[core.TopologySpreadConstraintArgsDict] = []
    for spread in spreads:
        constraint: core.TopologySpreadConstraintArgsDict = {
            "max_skew": spread.max_skew,
            "topology_key": spread.topology,
            "when_unsatisfiable": "DoNotSchedule" if spread.required else "ScheduleAnyway",
            "label_selector": {"match_labels": dict(selector)},
        }
        if revisions:
            constraint["match_label_keys"] = ["pod-template-hash"]
        constraints.append(constraint)
    return constraints


def spreads_of_server(wanted: Sequence[Spread]) -> tuple[Spread, ...]:
    """How replicas spread: as wanted, and else over zones and nodes.

    Those are wishes: replicas that cannot be spread are better than replicas that wait for a node.
    """
    said = {spread.topology for spread in wanted}
    return (*(Spread(topology=key) for key in (ZONE, HOST) if key not in said), *wanted)
