"""An environment: its cluster, the storage it offers, and the teams on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from components.cluster import Cluster
from components.external_secrets.team import TeamExternalSecrets
from components.teams.team import Team
from stacks.catalog.sources import sources
from stacks.clouds.build import build_cloud
from stacks.clouds.interface import CloudArgs, CloudTeam
from stacks.environment import config
from stacks.environment.services import Services, build_drains, build_services, gpu_pools_of
from stacks.external_secrets.build import build_team_external_secrets
from stacks.external_secrets.config import aws_secrets, region_of
from stacks.gateway.build import mesh_of
from stacks.monitoring.build import monitoring_output
from stacks.outputs import StackOutputs, StorageOutput, TeamOutput
from stacks.queueing.build import build_cluster_queue
from stacks.storage.build import class_name
from stacks.storage.config import Storage, has_claim
from stacks.tenancy.build import build_monitoring as build_team_monitoring
from stacks.tenancy.build import build_tenancy, build_workloads, service_accounts, team_output
from stacks.tenancy.place import make_place
from stacks.tenancy.scope import Scope


def build(environment: config.Environment) -> Mapping[str, Any]:
    """Makes all objects of the environment and returns the stack outputs: `StackOutputs`, and what its cloud adds."""
    cloud = build_cloud(environment.cluster, cloud_args(environment))
    return {**build_platform(environment, cloud.cluster), **cloud.outputs}


def cloud_args(environment: config.Environment) -> CloudArgs:
    """What the environment wants of its cloud."""
    gpu = environment.gpu
    return CloudArgs(
        stack=pulumi.get_stack(),
        sources=sources(environment.catalog.mirror, os.environ, Path.home(), embedded=environment.cluster.embedded),
        teams=tuple(
            CloudTeam(
                name=team.name,
                namespace=team.namespace_name,
                service_accounts=service_accounts(team),
                reads_entries=bool(aws_secrets(team)),
            )
            for team in environment.teams
        ),
        node_labels=gpu.node_labels if gpu else lambda _: {},
        secret_store=environment.external_secrets is not None,
    )


def build_platform(environment: config.Environment, cluster: Cluster) -> StackOutputs:
    """All that is on the cluster, of whatever kind it is."""
    services = build_services(environment, cluster)
    scope = scope_of(environment, cluster, services)
    tenancies = {team.name: _tenancy(environment, team, scope, services) for team in environment.teams}
    teams: dict[str, TeamOutput] = {}
    for team in environment.teams:
        tenancy = tenancies[team.name]
        build_team_monitoring(scope, team, tenancy)
        workloads = build_workloads(make_place(scope, team, tenancy), team)
        teams[team.name] = team_output(tenancy.namespace, workloads)
    build_drains(services, cluster, after=list(tenancies.values()))
    return {
        "cluster": {"name": cluster.name, "kind": cluster.kind, "server": cluster.server},
        "storage": {storage.name: storage_output(storage, cluster) for storage in environment.storage},
        "monitoring": monitoring_output(services.monitoring),
        "teams": teams,
    }


def scope_of(environment: config.Environment, cluster: Cluster, services: Services) -> Scope:
    """What the environment offers to its teams."""
    installed, secrets = services.external_secrets, environment.external_secrets
    queueing = environment.queueing if services.queueing else None

    def sync_secrets(
        team: config.TeamConfig, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> TeamExternalSecrets | None:
        if installed is None or secrets is None:
            return None
        region = region_of(secrets, environment.cluster)
        return build_team_external_secrets(secrets, team, cluster, installed, region, namespace, opts)

    return Scope(
        cluster=cluster,
        registry=environment.images.registry,
        storage=environment.storage,
        protects_data=environment.protects_data,
        claims_gpus=environment.claims_gpus,
        object_store=environment.object_store,
        storage_services=services.storage,
        queue_wait_seconds=queueing.wait if queueing else None,
        makes_queues=True,
        operators=[one for operator in services.operators.values() for one in operator.ready],
        gateway=services.gateway,
        monitoring=services.monitoring,
        slo=environment.monitoring.slo if environment.monitoring else None,
        sync_secrets=sync_secrets,
        changing_secrets=lambda team: frozenset(secret.name for secret in aws_secrets(team)),
    )


def _tenancy(environment: config.Environment, team: config.TeamConfig, scope: Scope, services: Services) -> Team:
    """The team's place on the cluster, after what it needs of the services."""
    # The API server refuses a pod whose PriorityClass is not there.
    before: list[pulumi.Resource] = [services.priorities] if services.priorities else []
    if environment.queueing is not None and services.queueing is not None:
        queue = build_cluster_queue(
            environment.queueing, gpu_pools_of(environment), team, scope.cluster, services.queueing
        )
        before.append(queue)
    return build_tenancy(scope, team, mesh=mesh_of(environment.mesh, joins=team.mesh), after=before)


def storage_output(storage: Storage, cluster: Cluster) -> StorageOutput:
    return {
        "kind": storage.kind,
        "size": storage.size if has_claim(storage) else None,
        "class": class_name(storage, cluster),
    }
