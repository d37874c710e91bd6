"""What training entries of every kind have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field, field_validator

from stacks.language.faults import Fault
from stacks.language.images import Image
from stacks.language.model import Many, rule
from stacks.language.types import Duration, Filled, Name
from stacks.workloads.config import Container, ResourcesConfig
from stacks.workloads.placement import PlacementConfig
from stacks.workloads.pod_sets import PodSet
from stacks.workloads.schedule import ScheduleKeys

TRAINING_VARIABLES = frozenset(
    {"DATA_DIR", "MODEL_DIR", "CHECKPOINT_DIR", "MODEL_NAME", "MODEL_VERSION", "CODE_VERSION", "SCHEDULED_JOB"}
)


class Preprocess(Container):
    """The Job that prepares the data before training."""

    platform_variables: ClassVar[frozenset[str]] = TRAINING_VARIABLES

    image: Image | None = Field(default=None, description="Image of the Job. Default: the entry's image.")
    command: Many[Filled] = Field(default=(), description="Command. Default: the image's entry point.")
    args: Many[str] = Field(default=("preprocess",), description="Arguments.")
    resources: ResourcesConfig | None = Field(
        default=None, description="Resources of the Job. Default: the entry's CPU and memory, without its GPUs."
    )


class TrainingEntry(Container, ScheduleKeys, PlacementConfig):
    """A training entry: data is prepared, then one model is trained on it."""

    platform_variables: ClassVar[frozenset[str]] = TRAINING_VARIABLES
    # Whether a schedule may train it again.
    can_retrain: ClassVar[bool] = False

    name: Name = Field(description="Name of the entry. Unique among the team's training entries.")
    image: Image = Field(description="Name of a sample image, or an image reference with a tag or digest.")
    command: Many[Filled] = Field(default=(), description="Command. Default: the image's entry point.")
    args: Many[str] = Field(default=("train",), description="Arguments.")
    preprocess: Preprocess | None = Field(
        default=Preprocess(),
        description="The Job that prepares data. `false`: no Job, and `DATA_DIR` is the root of the storage.",
    )
    data: Name = Field(description="Storage that holds the data.")
    model: Name = Field(description="Storage for the model.")
    checkpoint: Name | None = Field(
        default=None,
        description="Storage for checkpoints, in `CHECKPOINT_DIR`. Interrupted training resumes from the last one.",
    )
    model_name: Name | None = Field(default=None, description="Name of the model. Default: the entry's name.")
    rerun: Filled | None = Field(
        default=None,
        description="Any text, such as a date. A change trains again, even if nothing else changed.",
    )
    retries: int = Field(default=2, ge=0, le=100, description="How often a failed pod is restarted.")
    queue_priority: Name | None = Field(
        default=None,
        description="Priority in the queue, from the environment's `queueing.priorities`. Default: the priority of "
        "its pods.",
    )
    timeout: Duration = Field(
        default=86400,
        description="Longest run of each Job, including retries: seconds, or a duration such as `2h` or `1d`.",
    )

    @field_validator("preprocess", mode="before")
    @classmethod
    def _false_is_none(cls, value: Any) -> Any:
        if value is True:
            raise ValueError("true says nothing; leave the key out to prepare data, or write false or a mapping")
        return None if value is False else value

    @rule()
    def _retrained_by_jobs(self) -> Iterator[Fault]:
        if self.schedule is not None and not self.can_retrain:
            message = (
                "is for kind: job, since a CronJob makes Jobs and no other objects; remove it, "
                "and let your pipeline change rerun to train again"
            )
            yield Fault(path=("schedule",), message=message)

    def storages(self) -> tuple[str, ...]:
        """The names of the storages that it uses: of the data, the model and the checkpoints."""
        return (self.data, self.model, *((self.checkpoint,) if self.checkpoint else ()))

    @property
    def trained_model(self) -> str:
        """The name of the model that this entry trains."""
        return self.model_name or self.name

    @property
    def program(self) -> tuple[str, ...]:
        """The command of the pods that train; none means the entry point of the image."""
        return self.command

    @abstractmethod
    def train_sets(self) -> tuple[PodSet, ...]:
        """The pods that train: they start together."""

    @property
    def preprocess_resources(self) -> ResourcesConfig:
        """What the Job that prepares data gets."""
        if self.preprocess is not None and self.preprocess.resources is not None:
            return self.preprocess.resources
        return self.train_sets()[0].resources.without_gpus()

    def pod_sets(self) -> tuple[PodSet, ...]:
        """The pods of the entry: one prepares data, then others train."""
        if self.preprocess is None:
            return self.train_sets()
        prepare = PodSet(
            role="prepare",
            count=1,
            resources=self.preprocess_resources,
            placement=self,
            phase="prepare",
            path=("preprocess", "resources"),
        )
        return (prepare, *self.train_sets())
