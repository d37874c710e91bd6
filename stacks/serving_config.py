"""The `serving:` entries of a team."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from stacks.image_names import Image
from stacks.types import Amount, ConfigModel, Cpu, Duration, Filled, Many, Memory, ModelVersion, Name, UrlPath
from stacks.workload_config import Container, Placement, Resources


class ServingResources(Resources):
    """What one replica of a server asks for and the most it gets."""

    least_cpu_limit: ClassVar[str | None] = "1"

    cpu: Cpu = Field(
        default="250m", description="CPU that is reserved. Without a CPU limit it may use 1 core or this."
    )
    memory: Memory = Field(default="512Mi", description="Memory that is reserved.")


class Autoscaling(ConfigModel):
    """A HorizontalPodAutoscaler."""

    min: int = Field(default=1, ge=1, le=1000, description="Fewest replicas.")
    max: int = Field(ge=1, le=1000, description="Most replicas.")
    cpu: int | None = Field(
        default=None, ge=1, le=100, description="CPU to aim at, in percent of the request."
    )
    memory: int | None = Field(
        default=None, ge=1, le=100, description="Memory to aim at, in percent of the request."
    )
    scale_down_after: int = Field(
        default=300, ge=0, le=3600, description="Seconds that the load must be lower before replicas go."
    )

    @model_validator(mode="after")
    def _has_target_and_range(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}; lower min or raise max")
        if self.cpu is None and self.memory is None:
            raise ValueError(
                "needs something to scale on; add cpu: 70 or memory: 80 (percent of the request)"
            )
        return self


class Probes(ConfigModel):
    """How the platform finds out that a replica lives and is ready."""

    liveness_path: UrlPath = Field(default="/healthz", description="Answers 200 while the process is sound.")
    readiness_path: UrlPath = Field(
        default="/readyz", description="Answers 200 once the model is loaded and warm."
    )
    startup_seconds: int = Field(default=300, ge=5, le=7200, description="Longest time to load the model.")
    period_seconds: int = Field(default=5, ge=1, le=300, description="Seconds between two probes.")
    timeout_seconds: int = Field(
        default=2, ge=1, le=60, description="Seconds after which a probe has failed."
    )


class RollingUpdate(ConfigModel):
    """Replicas are replaced a few at a time."""

    kind: Literal["rolling"] = Field(default="rolling", description="A rolling update.")
    max_surge: int = Field(
        default=1, ge=0, le=1000, description="Replicas above the wanted number during a rollout."
    )
    max_unavailable: int = Field(
        default=0, ge=0, le=1000, description="Replicas that may be missing during a rollout."
    )

    @model_validator(mode="after")
    def _can_move(self) -> Self:
        if self.max_surge == 0 and self.max_unavailable == 0:
            raise ValueError(
                "maxSurge and maxUnavailable are both 0, so no replica could be replaced; raise one"
            )
        return self


def share_of(amount: int | str, replicas: int) -> int:
    """A number or percentage of replicas as pods; Kubernetes rounds the percentages of a disruption budget up."""
    return amount if isinstance(amount, int) else math.ceil(replicas * int(amount.removesuffix("%")) / 100)


class Disruption(ConfigModel):
    """A PodDisruptionBudget: how many replicas a node drain may take at once."""

    max_unavailable: Amount | None = Field(
        default=None,
        description="Replicas that may be missing, a number or percentage. 1 without `minAvailable`.",
    )
    min_available: Amount | None = Field(
        default=None, description="Replicas that must stay, a number or percentage."
    )

    @model_validator(mode="after")
    def _one_and_not_never(self) -> Self:
        if self.max_unavailable is not None and self.min_available is not None:
            raise ValueError("takes maxUnavailable or minAvailable, not both; remove one")
        if self.max_unavailable in (0, "0%"):
            raise ValueError("maxUnavailable 0 would let no node drain, ever; write at least 1")
        return self


class DeploymentServer(Container, Placement):
    """An HTTP predictor as a Deployment with Service, probes, disruption budget and, if asked, autoscaler."""

    platform_variables: ClassVar[frozenset[str]] = frozenset(
        {"MODEL_NAME", "MODEL_VERSION", "MODEL_ROOT", "PORT"}
    )

    name: Name = Field(
        description="Name of the entry, its Deployment and its Service; unique in the team's serving."
    )
    kind: Literal["deployment"] = Field(description="A Deployment of any HTTP predictor.")
    image: Image = Field(
        description="A sample image by its name, or an image reference with a tag or digest."
    )
    command: Many[Filled] = Field(default=(), description="Command. Else the image's entry point.")
    args: Many[str] = Field(default=(), description="Arguments. Else the image's own.")
    model: Name = Field(description="Name of the model, as a training entry of the team trains it.")
    version: ModelVersion | None = Field(
        default=None, description="Version of the model, to roll back. Else the one that the config trains."
    )
    storage: Name | None = Field(
        default=None, description="Storage of a model that no entry of the team trains; needs `version`."
    )
    replicas: int | None = Field(
        default=None, ge=1, le=1000, description="Number of replicas without `autoscaling`; 1 if not given."
    )
    autoscaling: Autoscaling | None = Field(default=None, description="Number of replicas by load.")
    resources: ServingResources = Field(default=ServingResources(), description="What each replica gets.")
    port: int = Field(default=8080, ge=1024, le=65535, description="Port that the predictor listens on.")
    probes: Probes = Field(default=Probes(), description="Liveness, readiness and start-up probes.")
    rollout: RollingUpdate = Field(default=RollingUpdate(), description="How a new version comes in.")
    disruption: Disruption = Field(default=Disruption(), description="What a node drain may take.")
    drain_seconds: int = Field(
        default=10,
        ge=0,
        le=600,
        description="Seconds that a replica goes on serving after it was told to end.",
    )

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        if self.replicas is not None and self.autoscaling is not None:
            raise ValueError("has replicas and autoscaling, which would fight; remove one of the two")
        if self.storage is not None and self.version is None:
            raise ValueError(
                "has storage without version; pin the version of the model that was trained elsewhere"
            )
        kept = self.disruption.min_available
        if kept is not None and share_of(kept, self.least_replicas) >= self.least_replicas:
            raise ValueError(
                f"disruption.minAvailable {kept} of {self.least_replicas} replicas would let no node drain; "
                "lower it, raise the replicas, or write maxUnavailable: 1"
            )
        return self

    @property
    def least_replicas(self) -> int:
        return self.autoscaling.min if self.autoscaling else self.replicas or 1

    @property
    def most_replicas(self) -> int:
        """Replicas at full load, without the ones that a rollout adds."""
        return self.autoscaling.max if self.autoscaling else self.replicas or 1


# The kinds of serving; another one makes this a union on `kind`.
Serving = DeploymentServer
