"""The pods of an entry: all that quotas, queues, GPU pools and claims need to know of it, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Protocol

from stacks.language.faults import Path
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.placement import PlacementConfig


@dataclass(frozen=True, kw_only=True)
class PodSet:
    """Alike pods of an entry.

    `count`: how many there are at full load, with those that a rollout adds. Sets of the same `phase` run at the same
    time, those of different phases one after the other. `path`: the key of the entry that sets `resources`.
    """

    role: str
    count: int
    resources: ResourcesConfig
    placement: PlacementConfig
    phase: str = "run"
    path: Path = ("resources",)

    def amount(self, resource: str) -> Fraction:
        """What all of its pods request of a resource, by its name in Kubernetes; `pods` is their number."""
        return self.count * self.resources.amount(resource)


class Entry(Protocol):
    """A training or serving entry, as far as others need to know it."""

    @property
    def name(self) -> str: ...

    def pod_sets(self) -> tuple[PodSet, ...]:
        """The pods of the entry, sets of one phase next to each other."""
        ...


def peak(entry: Entry, resource: str) -> tuple[PodSet, ...]:
    """The sets that run together when the entry requests most of a resource."""
    phases = [tuple(sets) for _, sets in groupby(entry.pod_sets(), key=lambda pods: pods.phase)]
    return max(phases, key=lambda sets: total(sets, resource))


def total(sets: Iterable[PodSet], resource: str) -> Fraction:
    """What pods that run together request of a resource."""
    return sum((pods.amount(resource) for pods in sets), Fraction(0))


def demand(entries: Sequence[Entry], resource: str) -> Fraction:
    """What entries request of a resource at full load, all at the same time."""
    return sum((total(peak(entry, resource), resource) for entry in entries), Fraction(0))
