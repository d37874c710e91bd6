"""The `teams:` entries: a namespace with its members, limits and workloads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from stacks.batch.config import BatchEntry
from stacks.clouds.kinds import TeamKeys
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule, unique_names
from stacks.language.types import Cpu, Group, LabelValue, Memory, Name, OwnLabelKey, Size
from stacks.serving.config import Serving
from stacks.serving.engines.stateful import StatefulServing
from stacks.serving.entry import ModelServing
from stacks.teams.network import NetworkConfig
from stacks.teams.queue import Queue
from stacks.teams.secrets import RegistryLoginConfig, Secret
from stacks.teams.types import Namespace, check_namespace
from stacks.training.config import Training
from stacks.workloads.types import MigProfile


class Quota(ConfigModel):
    """Limits of the sum of requests of a team's pods. What you omit is not limited."""

    cpu: Cpu | None = Field(default=None, description="Sum of CPU requests.")
    memory: Memory | None = Field(default=None, description="Sum of memory requests.")
    gpus: int | None = Field(default=None, ge=0, le=100_000, description="Sum of GPUs.")
    shared_gpus: int | None = Field(default=None, ge=0, le=100_000, description="Sum of slices of shared GPUs.")
    mig: Mapping[MigProfile, Annotated[int, Field(ge=0, le=100_000)]] = Field(
        default={}, description="Sum of GPU partitions, by profile."
    )
    pods: int | None = Field(default=None, ge=1, le=100_000, description="Number of pods.")
    storage: Size | None = Field(default=None, description="Sum of the sizes of the team's volume claims.")


class TeamConfig(TeamKeys):
    """A namespace with its members, limits and workloads."""

    name: Name = Field(description="Name of the team. Unique in the environment.")
    namespace: Namespace | None = Field(default=None, description="Namespace. Default: the team's name.")
    quota: Quota | None = Field(default=None, description="Limits of what the team may use in total.")
    queue: Queue | None = Field(
        default=None, description="What the team's training owns and may borrow. Default: from `quota`."
    )
    owners: Many[Group] = Field(default=(), description="Groups with all rights in the namespace.")
    developers: Many[Group] = Field(default=(), description="Groups that may create and change workloads.")
    viewers: Many[Group] = Field(default=(), description="Groups that may read everything except Secrets.")
    labels: Mapping[OwnLabelKey, LabelValue] = Field(
        default={}, description="Labels of the namespace and of the team's objects."
    )
    mesh: bool | None = Field(
        default=None, description="Whether the pods join the mesh. Default: `true` where the environment has one."
    )
    secrets: Many[Secret] = Field(default=(), description="Kubernetes Secrets that the stack creates.")
    image_pull: Many[RegistryLoginConfig] = Field(default=(), description="Private registries of the team's images.")
    network: NetworkConfig | None = Field(
        default=None, description="Connections besides those that every team has: DNS, and requests to servers."
    )
    training: Many[Training] = Field(default=(), description="Training entries of the team.")
    serving: Many[Serving] = Field(default=(), description="Serving entries of the team.")
    batch: Many[BatchEntry] = Field(default=(), description="Batch inference entries of the team.")

    _names = unique_names("training", "serving", "batch", "secrets")

    @rule("namespace")
    def _namespace(self) -> Iterator[Fault]:
        if self.namespace is None:
            try:
                check_namespace(self.name)
            except ValueError as error:
                yield Fault(path=("name",), message=f"{error}, or write namespace: beside it")

    @property
    def entries(self) -> tuple[Training | Serving | BatchEntry, ...]:
        """The workloads of the team."""
        return (*self.training, *self.serving, *self.batch)

    @property
    def namespace_name(self) -> str:
        return self.namespace or self.name

    def trainer_of(self, model: str) -> Training | None:
        """The training entry that trains `model`, if one of this team does."""
        return next((entry for entry in self.training if entry.trained_model == model), None)

    @property
    def model_servers(self) -> tuple[ModelServing, ...]:
        """The serving entries that serve a model."""
        return tuple(server for server in self.serving if isinstance(server, ModelServing))

    def model_storage(self, user: ModelServing | BatchEntry) -> str:
        """The name of the storage that holds the model of `user`, an entry of this team."""
        trainer = self.trainer_of(user.model)
        storage = trainer.model if trainer else user.storage
        if storage is None:
            raise LookupError(f"teams[{self.name}], {user.name}: nobody trains {user.model!r}")
        return storage

    def storage_names(self) -> tuple[str, ...]:
        """The storages that the team's workloads mount, in the order of first use."""
        used = [name for entry in self.training for name in entry.storages()]
        used += [self.model_storage(server) for server in self.model_servers]
        used += [
            server.backup.storage for server in self.serving if isinstance(server, StatefulServing) and server.backup
        ]
        used += [name for entry in self.batch for name in (*entry.storages(), self.model_storage(entry))]
        return tuple(dict.fromkeys(used))
