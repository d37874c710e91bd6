"""`kind: job`: one pod trains."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from stacks.training.entry import TrainingEntry
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.pod_sets import PodSet


class JobTraining(TrainingEntry):
    """A Job that prepares data and a Job that trains one model on it."""

    can_retrain: ClassVar[bool] = True

    kind: Literal["job"] = Field(description="Kubernetes Jobs: one prepares data, one trains.")
    resources: ResourcesConfig = Field(default=ResourcesConfig(), description="Resources of the training container.")

    def train_sets(self) -> tuple[PodSet, ...]:
        return (PodSet(role="train", count=1, resources=self.resources, placement=self),)
