"""What a cloud makes for a stack, and what it has to know for that: the same for every kind of cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

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
class EnvironmentReference:
    """The environment of a team stack, which another stack made.

    environment: full name of its stack. namespace and service_accounts are those of the team's workloads.
    """

    environment: str
    stack: pulumi.StackReference
    team: str
    namespace: pulumi.Output[str]
    service_accounts: tuple[str, ...]

    def output(self, name: str) -> pulumi.Output[Any]:
        """An output of the environment. RunError where it has none of that name."""

        def required(value: Any) -> Any:
            if value is None:
                raise pulumi.RunError(
                    f"environment: {self.environment} has no output {name!r}; update that stack, or name under cluster "
                    "how the team reaches its cluster, such as {kind: existing, context: my-context}"
                )
            return value

        return self.stack.get_output(name).apply(required)


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A cluster, and what the stack's outputs say of the cloud that it is in, by the outputs' names."""

    cluster: Cluster
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
