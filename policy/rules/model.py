"""What a rule is, and what it looks at. Plain data: nothing here knows the policy SDK."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from components.labels import TEAM_LABEL
from policy.rules.values import Props, get

PRODUCTION = ("prod", "prod-*")


class Level(Enum):
    """MANDATORY stops a preview or an update, ADVISORY is shown and lets it pass."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of the graph, with its inputs as plain values (`UNKNOWN` where only the update can tell).

    `references` maps a property to the URNs of the resources that its value was made from. `provider` holds
    the inputs of the resource's provider.
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
    def namespace(self) -> Any:
        """The namespace of a Kubernetes object; `UNKNOWN` where the update decides."""
        return get(self.props, "metadata", "namespace") or "default"

    @property
    def team(self) -> str | None:
        """The team whose label a Kubernetes object carries; None without one, or with one not known yet."""
        label = get(self.props, "metadata", "labels", TEAM_LABEL)
        return label if isinstance(label, str) else None

    @property
    def label(self) -> str:
        """What a person calls it: kind and name, with the namespace of a Kubernetes object."""
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

    def of_teams(self, *types: str) -> list[Resource]:
        """Kubernetes objects of `types` that a team owns: by their label, or by that of their namespace."""
        names = [get(space.props, "metadata", "name") for space in self.team_namespaces()]
        owned = [name for name in names if isinstance(name, str)]
        return [resource for resource in self.of(*types) if resource.team or resource.namespace in owned]


Settings = Mapping[str, Any]
ResourceCheck = Callable[[Resource, Settings], Iterator[str]]
StackCheck = Callable[[Stack, Settings], Iterator[tuple[Resource, str]]]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A key of the policy configuration: a list of strings, or a whole number."""

    default: tuple[str, ...] | int
    description: str


@dataclass(frozen=True, kw_only=True)
class _Rule:
    name: str
    description: str
    remedy: str
    level: Level
    reason: str
    settings: Mapping[str, Setting]

    def with_defaults(self, config: Mapping[str, Any]) -> Settings:
        return {key: config.get(key, setting.default) for key, setting in self.settings.items()}


@dataclass(frozen=True, kw_only=True)
class ResourceRule(_Rule):
    """Looks at one resource at a time, before it is made. `types` empty: at every one."""

    types: tuple[str, ...]
    check: ResourceCheck


@dataclass(frozen=True, kw_only=True)
class StackRule(_Rule):
    """Looks at all resources together, when the program has ended."""

    check: StackCheck


# The setting that tells production from the rest.
STACKS = {"stacks": Setting(default=PRODUCTION, description="patterns of the names of production stacks")}


def in_production(resource: Resource, settings: Settings) -> bool:
    return any(fnmatchcase(resource.stack, pattern) for pattern in settings["stacks"])


def resource_rule(
    name: str,
    *,
    types: tuple[str, ...],
    level: Level,
    reason: str,
    remedy: str,
    settings: Mapping[str, Setting] | None = None,
) -> Callable[[ResourceCheck], ResourceRule]:
    """Make a rule of a check. Its docstring is the description: the sentence that must hold."""

    def make(check: ResourceCheck) -> ResourceRule:
        return ResourceRule(
            name=name,
            description=inspect.cleandoc(check.__doc__ or ""),
            remedy=remedy,
            level=level,
            reason=reason,
            settings=settings or {},
            types=types,
            check=check,
        )

    return make


def stack_rule(
    name: str, *, level: Level, reason: str, remedy: str, settings: Mapping[str, Setting] | None = None
) -> Callable[[StackCheck], StackRule]:
    """Make a rule of a check over the whole stack. Its docstring is the description."""

    def make(check: StackCheck) -> StackRule:
        return StackRule(
            name=name,
            description=inspect.cleandoc(check.__doc__ or ""),
            remedy=remedy,
            level=level,
            reason=reason,
            settings=settings or {},
            check=check,
        )

    return make
