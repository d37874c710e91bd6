"""Servers answer only when they are ready, and survive the drain of a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policy.graph.pods import object_spec
from policy.graph.resources import Resource, Stack
from policy.graph.values import UNKNOWN, each, get
from policy.rules.model import Level, ResourceRule, Settings, StackRule, resource_rule, stack_rule

# Servers that Kubernetes runs as they are described. Operators add probes to those that they make themselves.
DESCRIBED = ("Deployment.apps", "StatefulSet.apps")
# The label with the object's name that an operator puts on the pods of its servers.
NAME_LABELS = {
    "InferenceService.serving.kserve.io": "serving.kserve.io/inferenceservice",
    "SeldonDeployment.machinelearning.seldon.io": "seldon-deployment-id",
}
SERVERS = (*DESCRIBED, *NAME_LABELS, "RayService.ray.io")
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"


@stack_rule(
    "server-probed",
    level=Level.MANDATORY,
    reason="without readiness a rollout sends requests to pods that cannot answer yet",
    remedy="Add readinessProbe and livenessProbe to the container that serves.",
)
def server_probed(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every server of a team reports whether it is ready and whether it is alive."""
    for server in stack.team_objects(*DESCRIBED):
        serving = get(server.props, "spec", "template", "spec", "containers")
        for probe in ("readinessProbe", "livenessProbe"):
            if serving is not UNKNOWN and not any(get(container, probe) for container in serving or []):
                yield server, f"no container has a {probe}."


def list_labels(server: Resource) -> list[Any]:
    """The labels of each group of pods that a server has."""
    spec = object_spec(server)
    if server.kind in DESCRIBED:
        return [get(spec, "template", "metadata", "labels")]
    if label := NAME_LABELS.get(server.kind):
        own = get(server.props, "metadata", "labels")
        return [{**(own if isinstance(own, Mapping) else {}), label: get(server.props, "metadata", "name")}]
    cluster = get(spec, "rayClusterConfig")
    groups = [get(cluster, "headGroupSpec"), *each(get(cluster, "workerGroupSpecs"))]
    return [get(group, "template", "metadata", "labels") for group in groups]


def selects(selector: Any, labels: Any) -> bool:
    """Whether a label selector (matchLabels only) selects a pod with these labels; an unknown one may."""
    wanted = get(selector, "matchLabels")
    if wanted is UNKNOWN or labels is UNKNOWN:
        return True
    return bool(wanted) and all(
        UNKNOWN in (value, get(labels, key)) or get(labels, key) == value for key, value in wanted.items()
    )


@stack_rule(
    "server-has-disruption-budget",
    level=Level.MANDATORY,
    reason="the drain of a node pool would otherwise stop all replicas at once",
    remedy="Add a PodDisruptionBudget that selects the pods of the server.",
)
def server_has_disruption_budget(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every server of a team has a PodDisruptionBudget."""
    budgets = stack.of(BUDGET)
    for server in stack.team_objects(*SERVERS):
        near = [b for b in budgets if UNKNOWN in (b.namespace, server.namespace) or b.namespace == server.namespace]
        selectors = [get(budget.props, "spec", "selector") for budget in near]
        if not any(selects(selector, labels) for selector in selectors for labels in list_labels(server)):
            yield server, "no PodDisruptionBudget selects its pods."


@resource_rule(
    "disruption-budget-allows-drain",
    types=(BUDGET,),
    level=Level.MANDATORY,
    reason="a node that cannot be drained blocks every upgrade",
    remedy="Set maxUnavailable to at least 1.",
)
def disruption_budget_allows_drain(budget: Resource, _: Settings) -> Iterator[str]:
    """A PodDisruptionBudget allows the eviction of at least one pod."""
    spec = get(budget.props, "spec")
    if get(spec, "maxUnavailable") in (0, "0", "0%") or get(spec, "minAvailable") == "100%":
        yield "it never allows a pod to be evicted."


RULES: tuple[ResourceRule | StackRule, ...] = (
    server_probed,
    server_has_disruption_budget,
    disruption_budget_allows_drain,
)
