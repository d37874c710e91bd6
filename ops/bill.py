"""The parts of a bill: lines with a floor and a ceiling, the resources they come from, and what prices them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from components.labels import TEAM_LABEL

# The owner of a line that belongs to no single team.
SHARED = "shared"


class PriceError(ValueError):
    """A price table that cannot be used. The message names the key and the remedy."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the bill, in dollars a month. `pool` is set for nodes; `note` says what was assumed."""

    name: str
    group: str
    floor: float
    ceiling: float
    team: str = SHARED
    pool: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """All lines, the types without a price, and the most that each team's quota lets it use of shared pools."""

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


@dataclass(frozen=True, kw_only=True)
class GpuPool:
    """The most GPUs of a node pool, and what one of them costs an hour in the dearest of its instance types."""

    gpus: float
    hourly: float


class Pricing(Protocol):
    """What resources cost on one cloud, in one region. US dollars."""

    @property
    def hours(self) -> float:
        """Hours a month."""
        ...

    @property
    def note(self) -> str:
        """Where the prices come from: stands under every figure made of them."""
        ...

    def bills(self, item: Item) -> bool:
        """Whether the resource is of this cloud. A graph without such resources has no bill."""
        ...

    def line(self, item: Item, graph: Sequence[Item]) -> Line | None:
        """The line of a resource; None for one that costs nothing."""
        ...

    def lacks(self, item: Item) -> bool:
        """Whether the resource costs money and no price of it is known."""
        ...

    def gpu_pool(self, item: Item, graph: Sequence[Item]) -> GpuPool | None:
        """The GPUs of a node pool; None for one without, or without a price or a maximum."""
        ...


def number(value: Any, default: float = 0.0) -> float:
    """A number from a number or its text; the default for anything else, such as an unknown value."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return default
