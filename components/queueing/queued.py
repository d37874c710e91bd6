"""How a training waits in a queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.queueing.names import PRIORITY_LABEL, QUEUE_LABEL


@dataclass(frozen=True, kw_only=True)
class Queued:
    """How trainings get to run where there are queues.

    `queue` names a LocalQueue of the namespace; None where another stack made it, and Kueue finds it by itself.
    `priority` names a WorkloadPriorityClass. `wait_seconds` is the longest time that one may wait to be started.
    `after`: the queue.
    """

    queue: str | None
    wait_seconds: int
    priority: str | None = None
    after: Sequence[pulumi.Resource] = ()

    def labels(self) -> dict[str, str]:
        names = {QUEUE_LABEL: self.queue, PRIORITY_LABEL: self.priority}
        return {label: name for label, name in names.items() if name is not None}
