"""The parts of a bill: lines with a floor and a ceiling, and the resources that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from components.labels import TEAM_LABEL

# Whose a line is when it is no single team's.
SHARED = "shared"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing of the bill, dollars a month. `pool` is set for nodes; `note` says what was assumed."""

    name: str
    group: str
    floor: float
    ceiling: float
    team: str = SHARED
    pool: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """All lines, what has no price here, and what each team's quota lets it use of shared pools at most."""

    lines: tuple[Line, ...]
    unpriced: tuple[str, ...] = ()
    quotas: Mapping[str, float] | None = None

    @property
    def floor(self) -> float:
        return sum(line.floor for line in self.lines)

    @property
    def ceiling(self) -> float:
        return sum(line.ceiling for line in self.lines)

    def by(self, key: Callable[[Line], str]) -> dict[str, tuple[float, float]]:
        """Floor and ceiling summed by a key of the lines, in alphabetical order, without empty keys."""
        sums: dict[str, tuple[float, float]] = {}
        for line in self.lines:
            if name := key(line):
                floor, ceiling = sums.get(name, (0.0, 0.0))
                sums[name] = (floor + line.floor, ceiling + line.ceiling)
        return dict(sorted(sums.items()))


@dataclass(frozen=True, kw_only=True)
class Item:
    """A resource on one side of a change."""

    type: str
    name: str
    inputs: Mapping[str, Any]

    def at(self, *path: str) -> Any:
        value: Any = self.inputs
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    @property
    def team(self) -> str:
        return str(self.at("tags", "team") or self.at("metadata", "labels", TEAM_LABEL) or SHARED)


def number(value: Any, default: float = 0.0) -> float:
    """A number from a number or its text; the default for anything else, such as an unknown."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return default
