"""`kind: ray`: a program trains on a Ray cluster of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

import images
from components.quantities import parse_quantity
from stacks.language.faults import Fault
from stacks.language.images import is_sample
from stacks.language.model import ConfigModel, rule, shown
from stacks.training.entry import TrainingEntry
from stacks.training.types import RayVersion
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.pod_sets import PodSet

# KubeRay makes at most that of the name of a RayJob, and the version takes 12 characters of it.
LONGEST_NAME = 47 - 12
MOST_WORKERS = 1000
# What KubeRay gives the container that waits in each worker for the head.
LEAST_WORKER = {"cpu": "200m", "memory": "256Mi"}
# Ray's own processes take some 500 MB in each pod.
DEFAULT = ResourcesConfig(cpu="1", memory="2Gi")


class RayHead(ConfigModel):
    """The pod that runs the program and Ray's own services. Actors and tasks run on the workers."""

    resources: ResourcesConfig = Field(
        default=ResourcesConfig(cpu="1", memory="2Gi"), description="Resources of the head."
    )


class RayWorkers(ConfigModel):
    """The pods that actors and tasks run on."""

    min: int = Field(default=1, ge=0, le=MOST_WORKERS, description="Fewest workers.")
    max: int = Field(default=1, ge=1, le=MOST_WORKERS, description="Most workers. In a queue: the number of workers.")
    resources: ResourcesConfig = Field(
        default=ResourcesConfig(cpu="1", memory="2Gi"), description="Resources of each worker."
    )

    @rule("min", "max")
    def _in_order(self) -> Iterator[Fault]:
        if self.min > self.max:
            yield Fault(path=("min",), message=f"is {self.min}, above max {self.max}; lower min or raise max")

    @rule("resources.cpu", "resources.memory")
    def _room_to_wait(self) -> Iterator[Fault]:
        for key, least in LEAST_WORKER.items():
            if self.resources.amount(key) < parse_quantity(least):
                what = f"is below {least}, which a worker takes while it waits for the head"
                yield Fault(path=("resources", key), message=f"{what}; raise it to at least {least}")


class RayTraining(TrainingEntry):
    """A RayJob of KubeRay: a cluster is made for the program, which runs on its head, and goes with it."""

    kind: Literal["ray"] = Field(description="A program on a Ray cluster of its own.")
    head: RayHead = Field(default=RayHead(), description="The pod that runs the program.")
    workers: RayWorkers = Field(default=RayWorkers(), description="The pods that actors and tasks run on.")
    ray_version: RayVersion = Field(
        default=images.pinned("ray-trainer", "ray"),
        description="Version of Ray in the image. Default: that of the sample image.",
    )

    @rule("command", "image")
    def _program(self) -> Iterator[Fault]:
        if not self.command and not is_sample(self.image):
            message = "is required: Ray does not use the entry point of an image; write it here, as [python3, train.py]"
            yield Fault(path=("command",), message=message)

    @rule("name")
    def _name_of_a_cluster(self) -> Iterator[Fault]:
        if len(self.name) > LONGEST_NAME:
            message = f"{shown(self.name)} is too long for a Ray cluster; use at most {LONGEST_NAME} characters"
            yield Fault(path=("name",), message=message)

    @property
    def program(self) -> tuple[str, ...]:
        """The command that the head runs, without arguments: that of a sample image is its entry point."""
        return tuple(self.command) or images.entry_point(self.image)

    def train_sets(self) -> tuple[PodSet, ...]:
        head, workers = self.head.resources, self.workers.resources
        return (
            PodSet(role="head", count=1, resources=head, placement=self, path=("head", "resources")),
            PodSet(
                role="worker", count=self.workers.max, resources=workers, placement=self, path=("workers", "resources")
            ),
        )
