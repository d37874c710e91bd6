"""What a rule is. Plain data: nothing here knows the policy SDK."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from policy.graph.resources import Resource, Stack

PRODUCTION = ("prod", "prod-*")


class Level(Enum):
    """MANDATORY stops a preview or an update, ADVISORY is shown and lets it pass."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"


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
