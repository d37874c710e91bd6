"""`kind: deployment`: any HTTP predictor as a Deployment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import rule
from stacks.serving.entry import ServingEntry
from stacks.serving.parts import (
    AutoscalingConfig,
    DisruptionConfig,
    ProbesConfig,
    RollingUpdate,
    ServingResources,
    share_of,
)
from stacks.workloads.pod_sets import PodSet


class DeploymentServing(ServingEntry):
    """An HTTP predictor as a Deployment with Service, probes, disruption budget and an optional autoscaler."""

    platform_variables: ClassVar[frozenset[str]] = frozenset({"MODEL_NAME", "MODEL_VERSION", "MODEL_ROOT", "PORT"})

    kind: Literal["deployment"] = Field(description="A Deployment of any HTTP predictor.")
    replicas: int | None = Field(
        default=None, ge=1, le=1000, description="Number of replicas without `autoscaling`. Default: 1."
    )
    autoscaling: AutoscalingConfig | None = Field(
        default=None, description="Scales the number of replicas with the load."
    )
    resources: ServingResources = Field(default=ServingResources(), description="Resources of each replica.")
    port: int = Field(default=8080, ge=1024, le=65535, description="Port that the predictor listens on.")
    probes: ProbesConfig = Field(default=ProbesConfig(), description="Liveness, readiness and start-up probes.")
    rollout: RollingUpdate = Field(default=RollingUpdate(), description="How a new version replaces the old one.")
    disruption: DisruptionConfig = Field(
        default=DisruptionConfig(), description="How many replicas a node drain may evict (PodDisruptionBudget)."
    )
    drain_seconds: int = Field(
        default=10,
        ge=0,
        le=600,
        description="Seconds that a replica continues to serve after it was told to stop.",
    )

    @rule()
    def _one_number_of_replicas(self) -> Iterator[Fault]:
        if self.replicas is not None and self.autoscaling is not None:
            yield Fault(path=("replicas",), message="does not go together with autoscaling; remove one of the two")

    @rule("replicas", "autoscaling")
    def _nodes_can_drain(self) -> Iterator[Fault]:
        kept, replicas = self.disruption.min_available, self.least_replicas
        if kept is not None and share_of(kept, replicas) >= replicas:
            remedy = "lower it, raise the replicas, or write maxUnavailable: 1 instead"
            message = f"{kept} of at least {replicas} replicas would let no node drain; {remedy}"
            yield Fault(path=("disruption", "minAvailable"), message=message)

    @property
    def least_replicas(self) -> int:
        return self.autoscaling.min if self.autoscaling else self.replicas or 1

    @property
    def most_replicas(self) -> int:
        """Replicas at full load, without the ones that a rollout adds."""
        return self.autoscaling.max if self.autoscaling else self.replicas or 1

    def pod_sets(self) -> tuple[PodSet, ...]:
        count = self.most_replicas + self.rollout.max_surge
        return (PodSet(role="server", count=count, resources=self.resources, placement=self),)
