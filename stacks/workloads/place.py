"""Where the workloads of one team are made: all that a training or a server needs to know of its surroundings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.cluster import Cluster
from components.gateway.gateway import Gateway
from components.labels import Owner
from components.monitoring.service import Monitoring
from components.pods import Program
from components.queueing.queued import Queued
from components.storage.access import TeamStorage
from stacks.workloads import arguments
from stacks.workloads.objectives import Slo


@dataclass(frozen=True, kw_only=True)
class Queues:
    """How trainings get to run where there are queues.

    `name`: the LocalQueue of the namespace; None where another stack made it, and Kueue finds it by itself.
    `wait_seconds`: the longest time that one may wait to be started. `after`: the queue.
    """

    name: str | None
    wait_seconds: int
    after: Sequence[pulumi.Resource] = ()

    def queued(self, priority: str | None) -> Queued:
        return Queued(queue=self.name, wait_seconds=self.wait_seconds, priority=priority, after=self.after)


@dataclass(frozen=True, kw_only=True)
class TeamPlace:
    """The namespace of a team and what is in it for its workloads.

    `namespace` is known once all Secrets are there: a pod without the one that it names would not start. Workloads are
    children of `parent`: they inherit the provider, and the tree of a preview shows whose they are. `secret_versions`:
    versions of the Secrets that this stack makes, by name. `changing_secrets`: names of the Secrets that change outside
    of this stack; None where that is not known, as in a team stack. `operators`: those of the engines, where this stack
    has them. `protects_data`: whether Pulumi refuses to delete volumes.
    """

    owner: Owner
    namespace: pulumi.Input[str]
    namespace_name: str
    parent: pulumi.Resource
    cluster: Cluster
    registry: str
    storages: Mapping[str, TeamStorage]
    claims_gpus: bool = False
    protects_data: bool = True
    image_pull_secret: str | None = None
    queues: Queues | None = None
    operators: Sequence[pulumi.Resource] = ()
    gateway: Gateway | None = None
    monitoring: Monitoring | None = None
    slo: Slo | None = None
    secret_versions: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    changing_secrets: frozenset[str] | None = frozenset()

    @property
    def child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self.parent)

    def program(self, program: Program) -> Program:
        """The program as this environment hands out GPUs."""
        return arguments.by_claim(program) if self.claims_gpus else program

    def versions_of(self, program: Program) -> dict[str, pulumi.Input[str]]:
        """The versions of the Secrets that a program reads, of those that this stack makes."""
        return {name: self.secret_versions[name] for name in program.secrets if name in self.secret_versions}

    def changing_of(self, program: Program) -> tuple[str, ...]:
        """The Secrets that a program reads and that may change outside of this stack.

        Where that is not known, these are all that the stack does not make. Naming one that nobody rotates changes
        nothing.
        """
        if self.changing_secrets is None:
            return tuple(name for name in program.secrets if name not in self.secret_versions)
        return tuple(name for name in program.secrets if name in self.changing_secrets)
