"""What a stack offers to its teams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pulumi

from components.cluster import Cluster
from components.external_secrets.team import TeamExternalSecrets
from components.gateway.gateway import Gateway
from components.monitoring.service import Monitoring
from stacks.storage.config import ObjectStoreConfig, Storage
from stacks.storage.services import StorageServices
from stacks.teams.config import TeamConfig
from stacks.workloads.objectives import Slo

# Makes the Secrets of a team that come from a secret store, if it has any: (team, namespace, options).
SecretSync = Callable[[TeamConfig, pulumi.Input[str], pulumi.ResourceOptions], TeamExternalSecrets | None]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the workloads of every team may build on. What a stack does not have, or cannot know, is None.

    `queue_wait_seconds`: the longest time that a training may wait in its queue; None without queues. `makes_queues`:
    whether this stack makes the teams' queues, or another one does. `changing_secrets`: names of a team's Secrets that
    change outside of the stack; None where it cannot know.
    """

    cluster: Cluster
    registry: str
    storage: Sequence[Storage]
    protects_data: bool
    claims_gpus: bool
    object_store: ObjectStoreConfig | None = None
    storage_services: StorageServices = field(default_factory=StorageServices)
    queue_wait_seconds: int | None = None
    makes_queues: bool = False
    operators: Sequence[pulumi.Resource] = ()
    gateway: Gateway | None = None
    monitoring: Monitoring | None = None
    slo: Slo | None = None
    sync_secrets: SecretSync | None = None
    changing_secrets: Callable[[TeamConfig], frozenset[str]] | None = None

    def storages_of(self, team: TeamConfig) -> tuple[Storage, ...]:
        """The declared storages that a team's workloads use. KeyError for one that is not declared."""
        declared = {storage.name: storage for storage in self.storage}
        return tuple(declared[name] for name in team.storage_names())
