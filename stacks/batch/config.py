"""The `batch:` entries of a team: a model answers for existing data, by schedule or once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from stacks.batch.types import FolderBelow
from stacks.language.faults import Fault
from stacks.language.images import Image
from stacks.language.model import Many, rule
from stacks.language.types import Duration, Filled, Name
from stacks.serving.types import ModelVersion
from stacks.workloads.config import Container, ResourcesConfig
from stacks.workloads.placement import PlacementConfig
from stacks.workloads.pod_sets import PodSet
from stacks.workloads.schedule import ScheduleKeys


class BatchEntry(Container, ScheduleKeys, PlacementConfig):
    """Batch inference: the pods of an indexed Job share the data, and each answers for one shard."""

    platform_variables: ClassVar[frozenset[str]] = frozenset(
        {
            *("DATA_DIR", "MODEL_NAME", "MODEL_VERSION", "MODEL_ROOT", "OUTPUT_DIR", "CODE_VERSION"),
            *("SHARDS", "JOB_COMPLETION_INDEX", "SCHEDULED_JOB"),
        }
    )

    name: Name = Field(description="Name of the entry. Unique among the team's batch entries.")
    image: Image = Field(description="Name of a sample image, or an image reference with a tag or digest.")
    command: Many[Filled] = Field(default=(), description="Command. Default: the image's entry point.")
    args: Many[str] = Field(default=("batch",), description="Arguments.")
    model: Name = Field(description="Name of the model that a training entry of the team trains.")
    version: ModelVersion | None = Field(
        default=None, description="Version of the model. Default: the version that the stack trains."
    )
    storage: Name | None = Field(
        default=None, description="Storage of a model that no entry of the team trains. Requires `version`."
    )
    data: Name = Field(description="Storage that holds the data.")
    input: FolderBelow | None = Field(
        default=None,
        description="Folder of the data in its storage. Default: what the model was trained on, if it is in the same "
        "storage; otherwise the root.",
    )
    output: Name = Field(description="Storage for the answers, in `<entry>/<version>`.")
    shards: int = Field(default=1, ge=1, le=1000, description="Number of parts that the data is split into.")
    parallelism: int | None = Field(
        default=None, ge=1, le=1000, description="Number of shards that are worked on at a time. Default: all."
    )
    resources: ResourcesConfig = Field(default=ResourcesConfig(), description="Resources of each pod.")
    rerun: Filled | None = Field(
        default=None, description="Any text, such as a date. A change runs again, even if nothing else changed."
    )
    retries: int = Field(default=2, ge=0, le=100, description="How often the pod of a shard is restarted.")
    queue_priority: Name | None = Field(
        default=None,
        description="Priority in the queue, from the environment's `queueing.priorities`. Default: the priority of "
        "its pods.",
    )
    timeout: Duration = Field(
        default=86400,
        description="Longest run of the Job, including retries: seconds, or a duration such as `2h` or `1d`.",
    )

    @rule("version")
    def _version_from_elsewhere(self) -> Iterator[Fault]:
        if self.storage is not None and self.version is None:
            message = "names where a model trained elsewhere lies, which needs its version too; add version: v…"
            yield Fault(path=("storage",), message=message)

    @rule("shards")
    def _no_pod_without_a_shard(self) -> Iterator[Fault]:
        if self.parallelism is not None and self.parallelism > self.shards:
            message = f"{self.parallelism} is more than the {self.shards} shards; lower it, or raise shards"
            yield Fault(path=("parallelism",), message=message)

    @rule("schedule")
    def _schedule_or_rerun(self) -> Iterator[Fault]:
        if self.rerun is not None and self.schedule is not None:
            message = "means nothing with a schedule, each run of which has a folder of its own; remove one of the two"
            yield Fault(path=("rerun",), message=message)

    @property
    def pods_at_a_time(self) -> int:
        return self.parallelism or self.shards

    def storages(self) -> tuple[str, ...]:
        """The names of the storages that it names: of the data, the answers, and the model if another one made it."""
        return (self.data, self.output, *((self.storage,) if self.storage else ()))

    def pod_sets(self) -> tuple[PodSet, ...]:
        """The pods of the entry: a shard each."""
        return (PodSet(role="shard", count=self.pods_at_a_time, resources=self.resources, placement=self),)
