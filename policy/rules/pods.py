"""Finding pods in the graph: in workloads of Kubernetes itself and in those of any operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from policy.rules.model import Resource, Setting, Stack
from policy.rules.values import each, get, mappings

# Namespaces of the platform itself. What is listed here may hold device plugins and node exporters.
PLATFORM_NAMESPACES = {
    "namespaces": Setting(
        default=("kube-system", "gpu-operator", "logging-nodes", "monitoring-nodes"),
        description="platform namespaces whose pods may be privileged",
    )
}


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod spec inside a resource."""

    owner: Resource
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        """Containers and init containers."""
        found = [*each(self.spec.get("initContainers")), *each(self.spec.get("containers"))]
        return [container for container in found if isinstance(container, dict)]


def pods(resource: Resource) -> Iterator[Pod]:
    """The pod specs of a Kubernetes object. A spec is what has `containers`, at any depth.

    So it is in a Deployment, a PyTorchJob's replicas, a RayCluster's groups, an InferenceService's predictor.
    """
    # A chart's values are no objects: what a chart makes is not in the graph.
    if not resource.type.startswith("kubernetes:") or resource.type.startswith("kubernetes:helm.sh/"):
        return
    for mapping in mappings(get(resource.props, "spec")):
        if isinstance(mapping.get("containers"), list):
            yield Pod(owner=resource, spec=mapping)


def team_pods(stack: Stack) -> Iterator[Pod]:
    """The pods of all teams' workloads."""
    types = {resource.type for resource in stack.resources if resource.type.startswith("kubernetes:")}
    for resource in stack.of_teams(*types):
        yield from pods(resource)
