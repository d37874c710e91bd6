"""The `priorities:` section: PriorityClasses besides the platform's own."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from components.priorities import names as priorities
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, rule, shown
from stacks.language.types import Filled, ObjectName

PLATFORM = {priority.name: priority.value for priority in priorities.PLATFORM}
# Above it are the classes of Kubernetes itself.
HIGHEST = 1_000_000_000


class PriorityConfig(ConfigModel):
    """A PriorityClass: which pods go first when nodes are full."""

    name: ObjectName = Field(description="Name of the PriorityClass, which workloads set as `priority`.")
    value: int = Field(
        ge=-HIGHEST,
        le=HIGHEST,
        description="The higher goes first. The platform's own: "
        + ", ".join(f"`{name}` {value}" for name, value in PLATFORM.items())
        + "; a pod without one has 0.",
    )
    preempts: bool = Field(default=True, description="Whether its pods may evict pods of a lower value.")
    description: Filled | None = Field(default=None, description="What it is for.")

    @rule()
    def _own_name(self) -> Iterator[Fault]:
        if self.name.startswith(("system-", "ml-platform-")):
            message = f"{shown(self.name)} begins as those of Kubernetes or the platform do; choose another name"
            yield Fault(path=("name",), message=message)
