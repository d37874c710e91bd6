"""What serving entries have in common: those of every kind, and those that serve a model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.images import Image
from stacks.language.model import Many, rule
from stacks.language.types import Filled, Name
from stacks.serving.parts import AutoscalingConfig, DisruptionConfig, RollingUpdate, ServingResources, share_of
from stacks.serving.route import RouteConfig
from stacks.serving.types import ModelVersion
from stacks.workloads.config import Container
from stacks.workloads.objectives import ServerSlo
from stacks.workloads.placement import PlacementConfig
from stacks.workloads.pod_sets import PodSet


class ServingEntry(Container, PlacementConfig):
    """A server of a team."""

    name: Name = Field(
        description="Name of the entry, its workload and its Service. Unique among the team's serving entries."
    )
    image: Image = Field(description="Name of a sample image, or an image reference with a tag or digest.")
    command: Many[Filled] = Field(default=(), description="Command. Default: the image's entry point.")
    args: Many[str] = Field(default=(), description="Arguments. Default: the image's.")
    resources: ServingResources = Field(default=ServingResources(), description="Resources of each replica.")
    disruption: DisruptionConfig = Field(
        default=DisruptionConfig(), description="How many replicas a node drain may evict (PodDisruptionBudget)."
    )
    drain_seconds: int = Field(
        default=10,
        ge=0,
        le=600,
        description="Seconds that a replica continues to serve after it was told to stop.",
    )
    route: RouteConfig | None = Field(default=None, description="Host and path at the environment's gateway.")
    slo: ServerSlo | None = Field(default=None, description="Objectives that differ from the environment's.")

    @property
    @abstractmethod
    def least_replicas(self) -> int:
        """Replicas without load."""

    @abstractmethod
    def pod_sets(self) -> tuple[PodSet, ...]:
        """The pods of the entry at full load, with those that a rollout adds."""

    @rule("replicas", "autoscaling")
    def _nodes_can_drain(self) -> Iterator[Fault]:
        kept, replicas = self.disruption.min_available, self.least_replicas
        if kept is not None and share_of(kept, replicas) >= replicas:
            remedy = "lower it, raise the replicas, or write maxUnavailable: 1 instead"
            message = f"{kept} of at least {replicas} replicas would let no node drain; {remedy}"
            yield Fault(path=("disruption", "minAvailable"), message=message)


class ModelServing(ServingEntry):
    """A server of one model, whose replicas are all alike."""

    model: Name = Field(description="Name of the model that a training entry of the team trains.")
    version: ModelVersion | None = Field(
        default=None, description="Version of the model, to roll back. Default: the version that the stack trains."
    )
    storage: Name | None = Field(
        default=None, description="Storage of a model that no entry of the team trains. Requires `version`."
    )
    replicas: int | None = Field(
        default=None, ge=1, le=1000, description="Number of replicas without `autoscaling`. Default: 1."
    )
    autoscaling: AutoscalingConfig | None = Field(
        default=None, description="Scales the number of replicas with the load."
    )
    rollout: RollingUpdate = Field(default=RollingUpdate(), description="How a new version replaces the old one.")

    @rule("version")
    def _version_from_elsewhere(self) -> Iterator[Fault]:
        if self.storage is not None and self.version is None:
            message = "names where a model trained elsewhere lies, which needs its version too; add version: v…"
            yield Fault(path=("storage",), message=message)

    @rule()
    def _one_number_of_replicas(self) -> Iterator[Fault]:
        if self.replicas is not None and self.autoscaling is not None:
            yield Fault(path=("replicas",), message="does not go together with autoscaling; remove one of the two")

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
