"""`kind: pytorch`: several PyTorch processes train together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, rule
from stacks.training.entry import TrainingEntry
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.pod_sets import PodSet


class ElasticConfig(ConfigModel):
    """How many workers are enough to continue, and how often they restart their processes."""

    min: int = Field(default=1, ge=1, le=1000, description="Fewest workers that training continues with.")
    max: int | None = Field(default=None, ge=1, le=1000, description="Most workers. Default: `workers`.")
    max_restarts: int = Field(
        default=10, ge=0, le=1000, description="How often `torchrun` restarts the processes of a pod."
    )


class PyTorchTraining(TrainingEntry):
    """Workers that start together and find each other: a TrainJob of Kubeflow Trainer, or a PyTorchJob."""

    kind: Literal["pytorch"] = Field(description="PyTorch on several pods, started by `torchrun`.")
    api: Literal["trainjob", "pytorchjob"] = Field(
        default="trainjob",
        description="The object that runs it: a TrainJob of Kubeflow Trainer, or a PyTorchJob of training-operator v1.",
    )
    workers: int = Field(default=1, ge=1, le=1000, description="Number of pods that train together.")
    resources: ResourcesConfig = Field(default=ResourcesConfig(), description="Resources of each worker.")
    elastic: ElasticConfig | None = Field(
        default=None, description="Training that continues with fewer workers. For `api: pytorchjob` only."
    )

    @rule("api")
    def _elastic_api(self) -> Iterator[Fault]:
        if self.elastic is not None and self.api != "pytorchjob":
            message = "a TrainJob is not elastic; set api: pytorchjob, or remove it"
            yield Fault(path=("elastic",), message=message)

    @rule("workers", "elastic.min", "elastic.max")
    def _elastic_bounds(self) -> Iterator[Fault]:
        if self.elastic is None:
            return
        if self.elastic.min > self.workers:
            message = f"is {self.elastic.min}, above workers {self.workers}; lower min or raise workers"
            yield Fault(path=("elastic", "min"), message=message)
        if self.elastic.max is not None and self.elastic.max < self.workers:
            message = f"is {self.elastic.max}, below workers {self.workers}; raise max or lower workers"
            yield Fault(path=("elastic", "max"), message=message)

    def train_sets(self) -> tuple[PodSet, ...]:
        def pods(role: str, count: int) -> PodSet:
            return PodSet(role=role, count=count, resources=self.resources, placement=self)

        # The workers of an elastic training agree among themselves on which is the first.
        if self.api == "trainjob" or self.elastic is not None:
            return (pods("worker", self.workers),)
        return (pods("master", 1), *((pods("worker", self.workers - 1),) if self.workers > 1 else ()))
