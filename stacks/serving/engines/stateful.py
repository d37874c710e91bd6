"""`kind: stateful`: a server that keeps data of its own, such as a feature store, a cache or a vector index."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from stacks.language.images import Image
from stacks.language.model import ConfigModel, Many
from stacks.language.types import Duration, Filled, Name, ObjectName, Size
from stacks.serving.entry import ServingEntry
from stacks.serving.parts import ProbesConfig
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.pod_sets import PodSet
from stacks.workloads.schedule import CronSchedule, TimeZone
from stacks.workloads.types import FolderPath


class VolumeConfig(ConfigModel):
    """The volume of each replica, which outlives its pod."""

    size: Size = Field(description="Capacity of each replica's claim.")
    path: FolderPath = Field(default="/data", description="Folder of the volume in the container.")
    storage_class: ObjectName | None = Field(
        default=None, description="StorageClass of the claims. Default: that of the cluster."
    )
    reclaim: Literal["Retain", "Delete"] | None = Field(
        default=None,
        description="Whether the claims stay when the stack drops them. Default: as `protectData` says.",
    )


class BackupConfig(ConfigModel):
    """A CronJob that copies the content of all replicas into a storage, and another, suspended one that restores it."""

    schedule: CronSchedule = Field(description="When a backup is made, in five fields of cron.")
    time_zone: TimeZone = Field(default="Etc/UTC", description="Time zone of the schedule.")
    storage: Name = Field(description="Storage of the backups.")
    keep: int = Field(default=7, ge=1, le=1000, description="Number of backups that are kept.")
    image: Image | None = Field(default=None, description="Image of the two commands. Default: the entry's image.")
    command: Many[Filled] = Field(default=(), description="Command of both. Default: the image's entry point.")
    args: Many[str] = Field(default=("backup",), description="Arguments that make a backup.")
    restore_args: Many[str] = Field(default=("restore",), description="Arguments that restore one.")
    resources: ResourcesConfig = Field(
        default=ResourcesConfig(cpu="100m", memory="256Mi"), description="Resources of the pod of a backup."
    )
    timeout: Duration = Field(default=3600, description="Longest time for a backup or a restore, retries included.")


class StatefulServing(ServingEntry):
    """A StatefulSet: replicas with a name and a volume each, which start and are replaced one after the other."""

    platform_variables: ClassVar[frozenset[str]] = frozenset(
        {"PORT", "DATA_DIR", "REPLICA", "PEERS", "SERVER_URL", "BACKUP_DIR", "BACKUP_KEEP", "BACKUP"}
    )

    kind: Literal["stateful"] = Field(description="A StatefulSet of any HTTP server that keeps data.")
    replicas: int = Field(default=1, ge=1, le=100, description="Number of replicas.")
    volume: VolumeConfig = Field(description="The volume of each replica.")
    port: int = Field(default=8080, ge=1024, le=65535, description="Port that the server listens on.")
    probes: ProbesConfig = Field(default=ProbesConfig(), description="Liveness, readiness and start-up probes.")
    backup: BackupConfig | None = Field(default=None, description="Backups on a schedule, and a way to restore them.")

    @property
    def least_replicas(self) -> int:
        return self.replicas

    def pod_sets(self) -> tuple[PodSet, ...]:
        servers = PodSet(role="server", count=self.replicas, resources=self.resources, placement=self)
        if self.backup is None:
            return (servers,)
        backup = PodSet(
            role="backup", count=1, resources=self.backup.resources, placement=self, path=("backup", "resources")
        )
        return (servers, backup)
