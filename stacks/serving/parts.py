"""What replicas of servers have in common: their number, probes, rollouts and disruptions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, rule
from stacks.language.types import Cpu, Memory
from stacks.serving.types import Amount, UrlPath
from stacks.workloads.config import ResourcesConfig


class ServingResources(ResourcesConfig):
    """Requests and limits of one replica of a server."""

    least_cpu_limit: ClassVar[str | None] = "1"

    cpu: Cpu = Field(
        default="250m",
        description="CPU request. Without a CPU limit, the limit is the request or 1 core, whichever is more.",
    )
    memory: Memory = Field(default="512Mi", description="Memory request.")


class AutoscalingConfig(ConfigModel):
    """A HorizontalPodAutoscaler."""

    min: int = Field(default=1, ge=1, le=1000, description="Minimum number of replicas.")
    max: int = Field(ge=1, le=1000, description="Maximum number of replicas.")
    cpu: int | None = Field(default=None, ge=1, le=100, description="Target CPU utilization in percent of the request.")
    memory: int | None = Field(
        default=None, ge=1, le=100, description="Target memory utilization in percent of the request."
    )
    scale_down_after: int = Field(
        default=300, ge=0, le=3600, description="Seconds that the load must stay lower before replicas are removed."
    )

    @rule()
    def _order(self) -> Iterator[Fault]:
        if self.min > self.max:
            yield Fault(path=("min",), message=f"{self.min} is above max {self.max}; lower min or raise max")

    @rule("cpu", "memory")
    def _something_to_scale_on(self) -> Iterator[Fault]:
        if self.cpu is None and self.memory is None:
            message = "has nothing to scale on; add cpu: 70 or memory: 80, percents of the request"
            yield Fault(path=(), message=message)


class ProbeTimes(ConfigModel):
    """How long a replica may take to start, and to answer a probe."""

    startup_seconds: int = Field(default=300, ge=5, le=7200, description="Longest time to load the model, in seconds.")
    period_seconds: int = Field(default=5, ge=1, le=300, description="Seconds between two probes.")
    timeout_seconds: int = Field(default=2, ge=1, le=60, description="Seconds after which a probe has failed.")


class ProbesConfig(ProbeTimes):
    """How Kubernetes finds out whether a replica is alive and ready."""

    liveness_path: UrlPath = Field(
        default="/healthz", description="Path that answers 200 while the process is healthy."
    )
    readiness_path: UrlPath = Field(
        default="/readyz", description="Path that answers 200 once the model is loaded and warm."
    )


class RollingUpdate(ConfigModel):
    """Replicas are replaced a few at a time."""

    kind: Literal["rolling"] = Field(default="rolling", description="A rolling update.")
    max_surge: int = Field(default=1, ge=0, le=1000, description="Replicas above the desired number during a rollout.")
    max_unavailable: int = Field(
        default=0, ge=0, le=1000, description="Replicas that may be unavailable during a rollout."
    )

    @rule("maxUnavailable")
    def _some_replica_moves(self) -> Iterator[Fault]:
        if self.max_surge == 0 and self.max_unavailable == 0:
            message = "is 0 and maxUnavailable too, so no replica could ever be replaced; raise one of the two"
            yield Fault(path=("maxSurge",), message=message)


def share_of(amount: int | str, replicas: int) -> int:
    """A number or percentage of replicas as pods; Kubernetes rounds a disruption budget up."""
    return amount if isinstance(amount, int) else math.ceil(replicas * int(amount.removesuffix("%")) / 100)


class DisruptionConfig(ConfigModel):
    """A PodDisruptionBudget: how many replicas a node drain may evict at once."""

    max_unavailable: Amount | None = Field(
        default=None,
        description="Replicas that may be unavailable, as a number or percentage. Default: 1, unless `minAvailable`"
        " is set.",
    )
    min_available: Amount | None = Field(
        default=None, description="Replicas that must stay available, as a number or percentage."
    )

    @rule()
    def _nodes_can_drain(self) -> Iterator[Fault]:
        if self.max_unavailable is not None and self.min_available is not None:
            yield Fault(path=("minAvailable",), message="does not go together with maxUnavailable; remove one")
        if self.max_unavailable in (0, "0%"):
            message = f"{self.max_unavailable} would let no node drain, ever; write at least 1"
            yield Fault(path=("maxUnavailable",), message=message)
