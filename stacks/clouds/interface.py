"""What a cloud makes for a stack, and what it has to know for that: the same for every kind of cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.cluster import Cluster
from components.platform.sources import Sources


@dataclass(frozen=True, kw_only=True)
class CloudTeam:
    """A team as its cloud knows it.

    service_accounts: of its workloads, for their identities. reads_entries: whether External Secrets reads entries of
    a secret store for it.
    """

    name: str
    namespace: str
    service_accounts: tuple[str, ...]
    reads_entries: bool = False


@dataclass(frozen=True, kw_only=True)
class CloudArgs:
    """What an environment wants of its cloud.

    stack: name of the stack. node_labels: more labels of the nodes of a pool, by the pool's name. secret_store:
    whether External Secrets is installed, which needs an identity.
    """

    stack: str
    sources: Sources
    teams: tuple[CloudTeam, ...] = ()
    node_labels: Callable[[str], Mapping[str, str]]
    secret_store: bool = False


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A cluster, and what the stack's outputs say of the cloud that it is in, by the outputs' names."""

    cluster: Cluster
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
