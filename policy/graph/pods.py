"""Finding pods in the graph: in workloads of Kubernetes itself and in those of any operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from policy.graph.operators import TEMPLATES, pod_specs
from policy.graph.resources import Resource, Stack
from policy.graph.values import each, get, named_mappings


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


def object_spec(resource: Resource) -> Any:
    """The `spec` of a Kubernetes object; None for anything else."""
    # The values of a chart are no object: what a chart creates is not in the graph.
    if not resource.type.startswith("kubernetes:") or resource.type.startswith("kubernetes:helm.sh/"):
        return None
    return get(resource.props, "spec")


def parts(resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping in the spec of a Kubernetes object, at any depth, with its name.

    For what must not be said anywhere, in a container or in what an operator makes one of.
    """
    yield from named_mappings(object_spec(resource), "spec")


def pods(resource: Resource) -> Iterator[Pod]:
    """The pods of a Kubernetes object, also those that an operator makes of it."""
    for spec in pod_specs(resource.kind, object_spec(resource)):
        yield Pod(owner=resource, spec=spec)


def team_pods(stack: Stack) -> Iterator[Pod]:
    """The pods of all teams' workloads, and of the templates from which operators make them."""
    for resource in stack.team_objects():
        yield from pods(resource)
    for resource in stack.of_kinds(*TEMPLATES):
        if not resource.team:
            yield from pods(resource)
