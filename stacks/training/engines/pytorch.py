"""`kind: pytorch`: several PyTorch processes train together."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stacks.training.entry import TrainingEntry
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.pod_sets import PodSet


class PyTorchTraining(TrainingEntry):
    """A TrainJob of Kubeflow Trainer: workers that start together and find each other through `PET_*` variables."""

    kind: Literal["pytorch"] = Field(description="PyTorch on several pods, started by `torchrun`.")
    workers: int = Field(default=1, ge=1, le=1000, description="Number of pods that train together.")
    resources: ResourcesConfig = Field(default=ResourcesConfig(), description="Resources of each worker.")

    def train_sets(self) -> tuple[PodSet, ...]:
        return (PodSet(role="worker", count=self.workers, resources=self.resources, placement=self),)
