"""The `priorities:` section: PriorityClasses besides the platform's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from components.priorities import names as priorities
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, did_you_mean, shown
from stacks.language.types import Filled, ObjectName
from stacks.teams import checks as crosschecks

if TYPE_CHECKING:
    from stacks.environment.config import Environment

_PLATFORM = {priority.name: priority.value for priority in priorities.PLATFORM}
# Kubernetes makes these two for itself.
_SYSTEM = ("system-cluster-critical", "system-node-critical")
# Above it are the classes of Kubernetes itself.
HIGHEST = 1_000_000_000


class Priority(ConfigModel):
    """A PriorityClass: who goes first when nodes are full."""

    name: ObjectName = Field(description="Name of the PriorityClass, which workloads name under `priority`.")
    value: int = Field(
        ge=-HIGHEST,
        le=HIGHEST,
        description="The higher goes first. The platform's own: "
        + ", ".join(f"`{name}` {value}" for name, value in _PLATFORM.items())
        + "; a pod without one has 0.",
    )
    preempts: bool = Field(default=True, description="Whether its pods may evict others of a lower value.")
    description: Filled | None = Field(default=None, description="What it is for.")

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if self.name.startswith(("system-", "ml-platform-")):
            message = f"{shown(self.name)} begins as those of Kubernetes or the platform do; choose another name"
            yield Fault(path=("name",), message=message)


def priority_faults(environment: Environment) -> Iterator[Fault]:
    """Classes that are there twice, and workloads that name one that the platform's own cluster does not have."""
    yield from crosschecks.repeated_names("priorities", environment.priorities)
    known = [*_PLATFORM, *(priority.name for priority in environment.priorities)]
    for team_index, team in enumerate(environment.teams):
        for key, entries in (("training", team.training), ("serving", team.serving)):
            for index, entry in enumerate(entries):
                name = entry.priority
                if name is None or name in known:
                    continue
                path = ("teams", team_index, key, index, "priority")
                if name in _SYSTEM:
                    message = f"{shown(name)} is for what nodes need to work; name another, such as {known[0]}"
                    yield Fault(path=path, message=message)
                # On a cluster that was there before, there may be classes that this file does not know.
                elif environment.cluster.kind != "existing" or name.startswith("ml-platform-"):
                    message = (
                        f"there is no priority {shown(name)}; known are {', '.join(known)}, "
                        f"and priorities: adds more{did_you_mean(name, known)}"
                    )
                    yield Fault(path=path, message=message, complete=(("priorities",),))
