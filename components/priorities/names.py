"""Who goes first when nodes are full."""

from __future__ import annotations

from dataclasses import dataclass

SERVING = "ml-platform-serving"
TRAINING = "ml-platform-training"
PREEMPTIBLE = "ml-platform-preemptible"


@dataclass(frozen=True, kw_only=True)
class Priority:
    """A PriorityClass. `preempts`: whether a pod that finds no place may evict others of a lower value."""

    name: str
    value: int
    preempts: bool = True
    description: str = ""


# A pod without a class has the value 0. Far apart, so that there is room for classes of a company's own.
PLATFORM: tuple[Priority, ...] = (
    Priority(name=SERVING, value=100_000, description="Servers: somebody waits for their answer."),
    Priority(name=TRAINING, value=10_000, description="Training: it can be started again, at a cost."),
    Priority(
        name=PREEMPTIBLE,
        value=-10_000,
        preempts=False,
        description="Work that runs where there is room, and makes way for all other.",
    ),
)
