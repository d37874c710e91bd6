"""An environment: its cluster, the storage it offers, and the teams on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import assert_never
from urllib.parse import urlsplit

import pulumi

from components.cluster import Cluster, ClusterArgs, KubeContext, kube_context, read_kubeconfig
from components.exposure import ClusterAddress, Exposure, LoadBalancerAddress, NodeAddress
from components.external_secrets.team import TeamExternalSecrets
from components.platform.sources import Sources
from components.teams.team import Team as Tenancy
from stacks.catalog.sources import sources
from stacks.clouds.aws.config import AwsCluster
from stacks.clouds.config import ExistingCluster, LocalCluster, kubeconfig_path
from stacks.environment import config
from stacks.external_secrets.build import build_team_external_secrets
from stacks.external_secrets.config import aws_secrets
from stacks.gateway.build import mesh_of
from stacks.monitoring.build import monitoring_output
from stacks.outputs import AwsStackOutputs, StackOutputs, StorageOutput, TeamOutput
from stacks.queueing.build import build_cluster_queue
from stacks.services import Services, build_drains, build_services
from stacks.storage.build import class_name
from stacks.storage.config import Storage, has_claim
from stacks.teams.build import build_monitoring as build_team_monitoring
from stacks.teams.build import build_tenancy, build_workloads, team_output
from stacks.teams.place import make_place
from stacks.teams.scope import Scope


def build(environment: config.Environment) -> StackOutputs:
    """Makes all objects of the environment and returns the stack outputs."""
    if isinstance(environment.cluster, AwsCluster):
        # Here, since the SDK of AWS takes a second to import, which no other kind of cluster should pay.
        from stacks.clouds.aws.build import AwsEnvironment

        aws = AwsEnvironment(environment, environment.cluster, pulumi.get_stack())
        outputs: AwsStackOutputs = {**build_platform(environment, aws.cluster), "aws": aws.outputs()}
        return outputs
    taken_from = sources(environment, os.environ, Path.home())
    return build_platform(environment, build_cluster(environment.cluster, taken_from))


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
    installed = services.external_secrets
    queueing = environment.queueing if services.queueing else None

    def sync_secrets(
        team: config.Team, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> TeamExternalSecrets | None:
        if installed is None:
            return None
        return build_team_external_secrets(environment, team, cluster, installed, namespace, opts)

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


def _tenancy(environment: config.Environment, team: config.Team, scope: Scope, services: Services) -> Tenancy:
    """The team's place on the cluster, after what it needs of the services."""
    # The API server refuses a pod whose PriorityClass is not there.
    before: list[pulumi.Resource] = [services.priorities] if services.priorities else []
    if environment.queueing is not None and services.queueing is not None:
        queue = build_cluster_queue(environment, environment.queueing, team, scope.cluster, services.queueing)
        before.append(queue)
    return build_tenancy(scope, team, mesh=mesh_of(environment.mesh, joins=team.mesh), after=before)


def build_cluster(cluster: LocalCluster | ExistingCluster, taken_from: Sources) -> Cluster:
    """The cluster of a kubeconfig that the config names. All that comes after it does not ask for its kind."""
    # Resolved, since Pulumi's provider is another process and may have another working directory.
    path = kubeconfig_path(cluster, os.environ, Path.home()).resolve()
    context = kube_context(read_kubeconfig(path), context=cluster.context, source=str(path))
    match cluster:
        case LocalCluster():
            storage_class = None
        case ExistingCluster():
            storage_class = cluster.storage_class
        case _:
            assert_never(cluster)
    return Cluster(
        "cluster",
        ClusterArgs(
            # A context that comes to mean another cluster shows as missing objects, and a refresh makes them.
            # Were the address the identity, a moved API server would make Pulumi replace, hence delete,
            # everything.
            identifier=context.name,
            kind=cluster.kind,
            server=context.server,
            kubeconfig=str(path),
            context=context.name,
            storage_class=storage_class,
            exposure=exposure_of(cluster, context),
            sources=taken_from,
        ),
    )


def exposure_of(cluster: LocalCluster | ExistingCluster, context: KubeContext) -> Exposure:
    """How Services are reached. The embedded cluster gives its machine a route to their addresses."""
    if isinstance(cluster, LocalCluster) or cluster.service_type == "ClusterIP":
        return ClusterAddress()
    if cluster.service_type == "LoadBalancer":
        return LoadBalancerAddress()
    # Every node opens a NodePort. The one that is known is the API server's: true wherever it runs on a node.
    return NodeAddress(node=urlsplit(context.server).hostname or "localhost")


def storage_output(storage: Storage, cluster: Cluster) -> StorageOutput:
    return {
        "kind": storage.kind,
        "size": storage.size if has_claim(storage) else None,
        "class": class_name(storage, cluster),
    }
