"""An environment: its cluster, the storage it offers, and the teams on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from components.cluster import Cluster
from components.external_secrets.operator import ExternalSecrets
from components.external_secrets.team import TeamExternalSecrets
from components.gateway.gateway import Gateway
from components.monitoring.service import Monitoring
from components.platform.operator import Operator
from components.priorities.classes import Priorities
from components.queueing.kueue import Queueing
from components.storage.object_store import ObjectStoreSystem
from components.teams.team import Team
from components.training.operators.operator import EngineOperator
from stacks.catalog.sources import sources
from stacks.clouds.build import build_cloud
from stacks.clouds.interface import CloudArgs, CloudTeam
from stacks.environment import config
from stacks.environment.service import Site
from stacks.environment.services import build_drains, build_services, gpu_pools_of
from stacks.external_secrets.build import build_team_external_secrets
from stacks.external_secrets.config import synced_secrets
from stacks.gateway.build import mesh_of
from stacks.monitoring.build import monitoring_output
from stacks.outputs import StackOutputs, StorageOutput, TeamOutput
from stacks.queueing.build import build_cluster_queue
from stacks.storage.classes import class_name
from stacks.storage.config import Storage, has_claim
from stacks.storage.services import StorageServices, build_classes
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
                reads_entries=bool(synced_secrets(team)),
            )
            for team in environment.teams
        ),
        node_labels=gpu.node_labels if gpu else lambda _: {},
        secret_store=environment.external_secrets is not None,
    )


def build_platform(environment: config.Environment, cluster: Cluster) -> StackOutputs:
    """All that is on the cluster, of whatever kind it is."""
    site = build_services(environment, cluster)
    scope = scope_of(site)
    tenancies = {team.name: _tenancy(site, team, scope) for team in environment.teams}
    teams: dict[str, TeamOutput] = {}
    for team in environment.teams:
        tenancy = tenancies[team.name]
        build_team_monitoring(scope, team, tenancy)
        workloads = build_workloads(make_place(scope, team, tenancy), team)
        teams[team.name] = team_output(tenancy.namespace, workloads)
    build_drains(site, after=list(tenancies.values()))
    return {
        "cluster": {"name": cluster.name, "kind": cluster.kind, "server": cluster.server},
        "storage": {storage.name: storage_output(storage, cluster) for storage in environment.storage},
        "monitoring": monitoring_output(site.of(Monitoring)),
        "teams": teams,
    }


def scope_of(site: Site) -> Scope:
    """What the environment offers to its teams."""
    environment, cluster = site.environment, site.cluster
    installed, secrets = site.of(ExternalSecrets), environment.external_secrets

    def sync_secrets(
        team: config.TeamConfig, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> TeamExternalSecrets | None:
        if installed is None or secrets is None:
            return None
        region = environment.cluster.secret_region
        return build_team_external_secrets(secrets, team, cluster, installed, region, namespace, opts)

    return Scope(
        cluster=cluster,
        registry=environment.images.registry,
        storage=environment.storage,
        protects_data=environment.protects_data,
        claims_gpus=environment.claims_gpus,
        object_store=environment.object_store,
        storage_services=StorageServices(
            classes=build_classes(
                environment.storage, cluster, drivers=site.all_of(Operator), protects_data=environment.protects_data
            ),
            object_stores=site.of(ObjectStoreSystem),
        ),
        queue_wait_seconds=environment.queueing.wait if environment.queueing else None,
        makes_queues=True,
        operators=[one for operator in site.all_of(EngineOperator) for one in operator.ready],
        gateway=site.of(Gateway),
        monitoring=site.of(Monitoring),
        slo=environment.monitoring.slo if environment.monitoring else None,
        sync_secrets=sync_secrets,
        changing_secrets=lambda team: frozenset(secret.name for secret in synced_secrets(team)),
    )


def _tenancy(site: Site, team: config.TeamConfig, scope: Scope) -> Team:
    """The team's place on the cluster, after what it needs of the services."""
    environment, queueing = site.environment, site.of(Queueing)
    # The API server refuses a pod whose PriorityClass is not there.
    before: list[pulumi.Resource] = [*site.all_of(Priorities)]
    if environment.queueing is not None and queueing is not None:
        before.append(
            build_cluster_queue(environment.queueing, gpu_pools_of(environment), team, site.cluster, queueing)
        )
    return build_tenancy(scope, team, mesh=mesh_of(environment.mesh, joins=team.mesh), after=before)


def storage_output(storage: Storage, cluster: Cluster) -> StorageOutput:
    return {
        "kind": storage.kind,
        "size": storage.size if has_claim(storage) else None,
        "class": class_name(storage, cluster),
    }
