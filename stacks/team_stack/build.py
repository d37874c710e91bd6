"""A team stack: one team's workloads on the cluster of an environment that another stack made."""

from __future__ import annotations

from typing import Any

import pulumi

from components.teams.reference import TeamReference, TeamReferenceArgs
from stacks.clouds.build import build_team_cluster
from stacks.clouds.interface import EnvironmentReference
from stacks.outputs import TeamStackOutputs
from stacks.queueing.config import QueueingConfig
from stacks.team_stack.config import TeamStack
from stacks.tenancy.build import build_workloads, service_accounts, team_output
from stacks.tenancy.place import make_place
from stacks.tenancy.scope import Scope


def build(config: TeamStack) -> TeamStackOutputs:
    """Makes the team's workloads and returns the stack outputs."""
    reference = pulumi.StackReference("environment", stack_name=config.environment)
    made = reference.require_output("teams").apply(lambda teams: _of_team(teams, config))
    namespace = made.apply(lambda team: str(team["namespace"]))
    cluster = build_team_cluster(
        config.cluster,
        EnvironmentReference(
            environment=config.environment,
            stack=reference,
            team=config.team.name,
            namespace=namespace,
            service_accounts=service_accounts(config.team),
        ),
    )
    tenancy = TeamReference(
        config.team.name,
        TeamReferenceArgs(namespace=namespace),
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )
    scope = Scope(
        cluster=cluster,
        registry=config.images.registry,
        storage=config.storage,
        protects_data=config.protect_data,
        claims_gpus=config.gpu_claims,
        # Whether there are queues, only the environment's stack knows: trainings may wait as long as by default.
        queue_wait_seconds=QueueingConfig().wait,
    )
    workloads = build_workloads(make_place(scope, config.team, tenancy), config.team)
    return {"environment": config.environment, "teams": {config.team.name: team_output(tenancy.namespace, workloads)}}


def _of_team(teams: dict[str, Any], config: TeamStack) -> dict[str, Any]:
    if config.team.name not in teams:
        known = ", ".join(sorted(teams)) or "none"
        raise pulumi.RunError(
            f"team.name: {config.environment} has no team {config.team.name!r}; it has {known}. "
            "Add the team there first: its namespace, quota and role are made there."
        )
    return teams[config.team.name]
