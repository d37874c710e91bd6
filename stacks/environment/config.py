"""The stack config `ml-platform:environment` as one frozen, typed object.

Each section is in the `config` module of its feature. The rules between them are in `stacks.checks`, which makes an
environment of a value; reading a stack file is `stacks.check`, reading Pulumi's config is `stacks.loading`.
"""

from __future__ import annotations

from pydantic import Field

from stacks.catalog.config import CatalogSources
from stacks.clouds.config import Cluster
from stacks.external_secrets.config import ExternalSecretsConfig
from stacks.gateway.config import GatewayConfig, MeshConfig
from stacks.gpu.config import Gpu
from stacks.language.images import Registry
from stacks.language.model import ConfigModel, Many, unique_names
from stacks.logging.config import Logging
from stacks.monitoring.config import MonitoringConfig
from stacks.priorities.config import PriorityConfig
from stacks.queueing.config import QueueingConfig
from stacks.storage.config import ObjectStoreConfig, Storage, StorageDriver
from stacks.teams.config import Quota, TeamConfig
from stacks.training.config import Engine, engine_of

__all__ = ["Cluster", "Environment", "Images", "Quota", "TeamConfig"]


class Images(ConfigModel):
    """Where the sample images are."""

    registry: Registry = Field(default="localhost/ml-platform", description="Registry and path of the sample images.")


class Environment(ConfigModel):
    """One environment: a cluster, its storage and the teams on it."""

    cluster: Cluster = Field(description="The cluster that everything runs on.")
    images: Images = Field(default=Images(), description="Registry of the sample images.")
    catalog: CatalogSources = Field(
        default=CatalogSources(), description="Where third-party charts, manifests and images come from."
    )
    protect_data: bool | None = Field(
        default=None,
        description="Whether data is protected from deletion. Default: `true`, or `false` with `cluster.kind: local`.",
    )
    gpu: Gpu | None = Field(default=None, description="How pods get GPUs, and how GPUs are shared.")
    priorities: Many[PriorityConfig] = Field(default=(), description="PriorityClasses besides the platform's own.")
    storage: Many[Storage] = Field(default=(), description="Storage that workloads use, by name.")
    gateway: GatewayConfig | None = Field(
        default=None, description="Gateway through which clients outside the cluster reach model servers."
    )
    mesh: MeshConfig | None = Field(default=None, description="Service mesh that the pods of teams join.")
    logging: Logging | None = Field(default=None, description="Logs of all containers.")
    queueing: QueueingConfig | None = Field(
        default=None, description="Queues for training (Kueue). Default: no queues; each pod is scheduled on its own."
    )
    engines: Many[Engine] = Field(
        default=(),
        description="Training engines to install for team stacks, besides those that teams of this stack use.",
    )
    monitoring: MonitoringConfig | None = Field(
        default=None, description="Metrics, alerts and objectives. `{}` uses the defaults."
    )
    external_secrets: ExternalSecretsConfig | None = Field(
        default=None,
        description="Secrets of teams from a secret store. `{}` uses the defaults of a cloud.",
    )
    object_store: ObjectStoreConfig | None = Field(default=None, description="An S3 server that the platform runs.")
    storage_drivers: Many[StorageDriver] = Field(
        default=(), description="Storage drivers to install where the cluster lacks them: `nfs` is csi-driver-nfs."
    )
    teams: Many[TeamConfig] = Field(default=(), description="The teams and their workloads.")

    _names = unique_names("priorities", "storage", "teams")

    @property
    def training_kinds(self) -> frozenset[str]:
        """The engines of the trainings that run here."""
        return frozenset(self.engines) | {engine_of(entry) for team in self.teams for entry in team.training}

    @property
    def claims_gpus(self) -> bool:
        """Whether pods get GPUs by claims, not as a resource."""
        return self.gpu is not None and self.gpu.dra

    @property
    def protects_data(self) -> bool:
        return self.cluster.protects_data if self.protect_data is None else self.protect_data

    def storage_named(self, name: str) -> Storage:
        """The declared storage of that name. KeyError where there is none, which no workload can name."""
        return {storage.name: storage for storage in self.storage}[name]
