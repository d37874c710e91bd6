"""Resources of the graph as the rules see them. Plain data: nothing here knows the policy SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.labels import TEAM_LABEL
from policy.graph.values import Props, get


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of the graph, with its inputs as plain values (`UNKNOWN` for those that only the update will know).

    `references` maps a property to the URNs of the resources that its value depends on. `provider` holds the inputs of
    the resource's provider.
    """

    type: str
    urn: str
    name: str
    props: Props
    protect: bool = False
    references: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    provider: Props = field(default_factory=dict[str, Any])

    @property
    def stack(self) -> str:
        """The stack's name, which is the third part of `urn:pulumi:<stack>::<project>::<type>::<name>`."""
        return self.urn.split("::")[0].rpartition(":")[2]

    @property
    def kind(self) -> str:
        """Kind and API group of a Kubernetes object, such as `PyTorchJob.kubeflow.org`, whatever its version."""
        group = self.type.partition(":")[2].partition("/")[0]
        return f"{self.type.rpartition(':')[2]}.{group}"

    @property
    def namespace(self) -> Any:
        """The namespace of a Kubernetes object; `UNKNOWN` when only the update will know."""
        return get(self.props, "metadata", "namespace") or "default"

    @property
    def team(self) -> str | None:
        """The team in the label of a Kubernetes object; None without that label, or while it is unknown."""
        label = get(self.props, "metadata", "labels", TEAM_LABEL)
        return label if isinstance(label, str) else None

    @property
    def label(self) -> str:
        """The name for a person: kind and name, with the namespace of a Kubernetes object."""
        kind = self.type.rpartition(":")[2]
        name = get(self.props, "metadata", "name")
        if isinstance(name, str):
            space = get(self.props, "metadata", "namespace")
            return f"{kind} {space}/{name}" if isinstance(space, str) else f"{kind} {name}"
        return f"{kind} {self.name}"


class Stack:
    """All resources of a stack."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = tuple(resources)

    def of(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]

    def about(self, target: Resource, prop: str, *types: str, key: str = "id") -> list[Resource]:
        """Resources of `types` whose `prop` names `target`: by reference, or by the value of its `key`."""
        value = target.props.get(key)
        return [
            resource
            for resource in self.of(*types)
            if target.urn in resource.references.get(prop, ())
            or (isinstance(value, str) and resource.props.get(prop) == value)
        ]

    def team_namespaces(self) -> list[Resource]:
        spaces = self.of("kubernetes:core/v1:Namespace")
        return [space for space in spaces if space.team]

    def of_kinds(self, *kinds: str) -> list[Resource]:
        """Kubernetes objects by `<Kind>.<API group>`."""
        return [resource for resource in self.resources if resource.kind in kinds]

    def team_objects(self, *kinds: str) -> list[Resource]:
        """Kubernetes objects that a team owns, by their own label or that of their namespace; of `kinds`, or of all."""
        names = [get(space.props, "metadata", "name") for space in self.team_namespaces()]
        owned = [name for name in names if isinstance(name, str)]
        return [
            resource
            for resource in self.resources
            if resource.type.startswith("kubernetes:")
            and (not kinds or resource.kind in kinds)
            and (resource.team or resource.namespace in owned)
        ]
