"""From the priorities of an environment to PriorityClasses."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi

from components.cluster import Cluster
from components.priorities.classes import Priorities, PrioritiesArgs
from components.priorities.names import Priority
from stacks.priorities.config import PriorityConfig


def build_priorities(config: Iterable[PriorityConfig], cluster: Cluster) -> Priorities:
    added = tuple(
        Priority(name=one.name, value=one.value, preempts=one.preempts, description=one.description or "")
        for one in config
    )
    return Priorities("priorities", PrioritiesArgs(added=added), pulumi.ResourceOptions(providers=[cluster.provider]))
