"""The stack config `ml-platform:environment` as one frozen, typed object.

The sections are in the modules beside this one; the checks between them are in `stacks.crosschecks`, and reading a
stack file or Pulumi's config is in `stacks.loading`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from stacks.cluster_config import Cluster
from stacks.image_names import Registry
from stacks.serving_config import Serving
from stacks.storage_config import Storage
from stacks.training_config import Training
from stacks.types import ConfigModel, Cpu, Group, LabelValue, Many, Memory, Name, Namespace, OwnLabelKey, Size


class Images(ConfigModel):
    """Where the sample images are."""

    registry: Registry = Field(
        default="localhost/ml-platform",
        description="Registry and path that the sample images were pushed to.",
    )


class Quota(ConfigModel):
    """The most that a team's pods may ask for together. What is left out is not limited."""

    cpu: Cpu | None = Field(default=None, description="Sum of CPU requests.")
    memory: Memory | None = Field(default=None, description="Sum of memory requests.")
    gpus: int | None = Field(default=None, ge=0, le=100_000, description="Sum of GPUs.")
    pods: int | None = Field(default=None, ge=1, le=100_000, description="Number of pods.")
    storage: Size | None = Field(default=None, description="Sum of the sizes of the team's volume claims.")


class Team(ConfigModel):
    """A namespace with its members, limits and workloads."""

    name: Name = Field(description="Name of the team; unique in the environment.")
    namespace: Namespace | None = Field(
        default=None, description="Namespace of the team. Else the team's name."
    )
    quota: Quota | None = Field(default=None, description="The most that the team may use.")
    owners: Many[Group] = Field(
        default=(), description="Groups that may do everything in the namespace but raise it."
    )
    developers: Many[Group] = Field(default=(), description="Groups that may run and change workloads.")
    viewers: Many[Group] = Field(default=(), description="Groups that may look, but not at Secrets.")
    labels: Mapping[OwnLabelKey, LabelValue] = Field(
        default={}, description="Labels of the namespace and its objects."
    )
    training: Many[Training] = Field(default=(), description="What the team trains.")
    serving: Many[Serving] = Field(default=(), description="What the team serves.")

    @property
    def namespace_name(self) -> str:
        return self.namespace or self.name

    def trainer_of(self, model: str) -> Training | None:
        """The training entry that trains `model`, if one of this team does."""
        return next((entry for entry in self.training if entry.trained_model == model), None)

    def model_storage(self, server: Serving) -> str:
        """The name of the storage that holds the model of `server`."""
        trainer = self.trainer_of(server.model)
        storage = trainer.model if trainer else server.storage
        if storage is None:
            raise LookupError(
                f"teams[{self.name}].serving[{server.name}].model: nobody trains {server.model!r}"
            )
        return storage

    def storage_names(self) -> tuple[str, ...]:
        """The storages that the team's workloads mount, in the order of first use."""
        used = [name for entry in self.training for name in (entry.data, entry.model)]
        used += [self.model_storage(server) for server in self.serving]
        return tuple(dict.fromkeys(used))


class Environment(ConfigModel):
    """One environment: a cluster, its storage and the teams on it."""

    cluster: Cluster = Field(description="The cluster that everything runs on.")
    images: Images = Field(default=Images(), description="Where the sample images come from.")
    protect_data: bool | None = Field(
        default=None,
        description="Whether storage is protected from deletion. Else it is, unless `cluster.kind` is `local`.",
    )
    storage: Many[Storage] = Field(default=(), description="Storage that workloads name.")
    teams: Many[Team] = Field(default=(), description="The teams and their workloads.")

    @property
    def protects_data(self) -> bool:
        return self.cluster.kind != "local" if self.protect_data is None else self.protect_data

    def storage_named(self, name: str) -> Storage:
        """The declared storage of that name. KeyError where there is none, which a checked config rules out."""
        return {storage.name: storage for storage in self.storage}[name]
