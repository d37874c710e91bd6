"""The rule between the priorities of an environment and its workloads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stacks.language.faults import Fault
from stacks.language.model import did_you_mean, shown
from stacks.priorities.config import PLATFORM, PriorityConfig

# Kubernetes makes these two for itself.
_SYSTEM = ("system-cluster-critical", "system-node-critical")


def workload_faults(priority: str | None, priorities: Sequence[PriorityConfig], ours: bool) -> Iterator[Fault]:
    """A priority that no PriorityClass has. ours: whether nobody else makes classes on the cluster."""
    known = [*PLATFORM, *(one.name for one in priorities)]
    if priority is None or priority in known:
        return
    if priority in _SYSTEM:
        message = f"{shown(priority)} is for what nodes need to work; name another, such as {known[0]}"
        yield Fault(path=("priority",), message=message)
    # On a cluster that was there before, there may be classes that this file does not know.
    elif ours or priority.startswith("ml-platform-"):
        message = (
            f"there is no priority {shown(priority)}; known are {', '.join(known)}, "
            f"and priorities: adds more{did_you_mean(priority, known)}"
        )
        yield Fault(path=("priority",), message=message)
