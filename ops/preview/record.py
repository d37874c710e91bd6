"""What a recorded preview holds, in either form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Change = Literal["create", "update", "replace", "delete", "import", "same"]


class PreviewError(ValueError):
    """A file that is not a recorded preview. The message names the file and how to record one."""


@dataclass(frozen=True, kw_only=True)
class State:
    """One side of a change: the inputs of a resource, and whether Pulumi protects it or retains it on deletion."""

    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    protect: bool = False
    retain: bool = False


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource and how it changes. `paths`: properties that differ; `causes`: those that force a replacement."""

    urn: str
    change: Change
    before: State | None
    after: State | None
    paths: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return type_of(self.urn)

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, kw_only=True)
class Violation:
    policy: str
    mandatory: bool
    urn: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    severity: str
    message: str
    urn: str = ""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The preview of one stack. `judged`: whether the record has policy results; `failure`: why it ended early."""

    stack: str
    resources: tuple[Resource, ...]
    violations: tuple[Violation, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    judged: bool = False
    failure: str | None = None
    summary: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def counts(self) -> Counter[Change]:
        """The number of resources by change. Unchanged ones as the engine counts them, whether listed or not."""
        found: Counter[Change] = Counter(resource.change for resource in self.resources)
        found["same"] = max(found["same"], self.summary.get("same", 0))
        return found

    @property
    def complete(self) -> bool:
        """Whether the record lists unchanged resources too (`--show-sames`)."""
        return sum(resource.change == "same" for resource in self.resources) >= self.summary.get("same", 0)

    @property
    def refused(self) -> bool:
        """Whether a mandatory policy stopped the preview."""
        return any(violation.mandatory for violation in self.violations)


def type_of(urn: str) -> str:
    """The type in `urn:pulumi:<stack>::<project>::<parents>$<type>::<name>`."""
    parts = urn.split("::")
    return parts[2].rpartition("$")[2] if len(parts) > 3 else ""


def stack_of(urn: str) -> str:
    """The stack in `urn:pulumi:<stack>::<project>::<type>::<name>`."""
    return urn.split("::")[0].rpartition(":")[2]
