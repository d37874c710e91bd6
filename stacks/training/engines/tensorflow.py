"""`kind: tensorflow`: several TensorFlow processes train together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, rule
from stacks.training.entry import TRAINING_VARIABLES, TrainingEntry
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.pod_sets import PodSet

# The operator's Services are called `<entry>-<version>-evaluator-0`, and no name may be longer than 63 characters.
LONGEST_NAME_WITH_EVALUATOR = 39


class ReplicasConfig(ConfigModel):
    """How many pods have each task of TensorFlow."""

    chief: int = Field(
        default=0, ge=0, le=1, description="Pods that lead the training. Default: the first worker leads."
    )
    worker: int = Field(default=0, ge=0, le=1000, description="Pods that compute gradients.")
    ps: int = Field(default=0, ge=0, le=1000, description="Parameter servers, which hold the weights.")
    evaluator: int = Field(default=0, ge=0, le=1, description="Pods that measure each checkpoint.")

    @rule("chief", "worker")
    def _somebody_trains(self) -> Iterator[Fault]:
        if not self.chief and not self.worker:
            yield Fault(path=(), message="has nobody who trains; add a chief, or at least one worker")

    @rule("ps")
    def _servers_serve(self) -> Iterator[Fault]:
        if not self.ps or not (self.chief or self.worker):
            return
        if not self.chief:
            yield Fault(path=("ps",), message="needs a chief, which gives out the work; add chief: 1, or leave ps out")
        elif not self.worker:
            yield Fault(
                path=("ps",), message="needs workers, which do the work; add worker: 1 or more, or leave ps out"
            )


class TensorFlowTrainingConfig(TrainingEntry):
    """A TFJob of training-operator: pods that find each other through `TF_CONFIG`."""

    platform_variables: ClassVar[frozenset[str]] = TRAINING_VARIABLES | {"TF_CONFIG"}

    kind: Literal["tensorflow"] = Field(description="TensorFlow on several pods, with parameter servers or without.")
    replicas: ReplicasConfig = Field(
        default=ReplicasConfig(worker=1), description="Number of pods by their task in the training."
    )
    resources: ResourcesConfig = Field(
        default=ResourcesConfig(),
        description="Resources of each pod. Only pods that compute gradients get GPUs.",
    )

    @rule("replicas", "checkpoint")
    def _evaluators_measure_something(self) -> Iterator[Fault]:
        if self.replicas.evaluator and not self.checkpoint:
            message = "measures checkpoints, and none are kept; set checkpoint to a storage, or leave evaluator out"
            yield Fault(path=("replicas", "evaluator"), message=message)

    @rule("replicas", "name")
    def _names_of_evaluators_fit(self) -> Iterator[Fault]:
        if self.replicas.evaluator and len(self.name) > LONGEST_NAME_WITH_EVALUATOR:
            message = (
                f"has {len(self.name)} characters, and with an evaluator at most {LONGEST_NAME_WITH_EVALUATOR} fit into"
                " the names of its pods; choose a shorter name"
            )
            yield Fault(path=("name",), message=message)

    def train_sets(self) -> tuple[PodSet, ...]:
        replicas = self.replicas
        counts = {
            "chief": replicas.chief,
            "worker": replicas.worker,
            "ps": replicas.ps,
            "evaluator": replicas.evaluator,
        }
        # A chief gives out the work where there are servers, and otherwise does its share.
        computing = {"worker"} if replicas.ps else {"chief", "worker"}
        return tuple(
            PodSet(
                role=role,
                count=count,
                resources=self.resources if role in computing else self.resources.without_gpus(),
                placement=self,
            )
            for role, count in counts.items()
            if count
        )
