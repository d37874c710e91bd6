"""An environment: its cluster, the storage it offers, and the teams on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import assert_never
from urllib.parse import urlsplit

import pulumi

from components.cluster import Cluster, ClusterArgs, KubeContext, kube_context, read_kubeconfig
from components.exposure import ClusterAddress, Exposure, LoadBalancerAddress, NodeAddress
from components.platform.sources import Sources
from stacks.catalog.sources import sources
from stacks.clouds.aws.config import AwsCluster
from stacks.clouds.config import ExistingCluster, LocalCluster, kubeconfig_path
from stacks.environment import config
from stacks.monitoring.build import monitoring_output
from stacks.outputs import AwsStackOutputs, StackOutputs, StorageOutput
from stacks.services import build_drains, build_services
from stacks.storage.build import class_name
from stacks.storage.config import Storage, has_claim
from stacks.teams.build import build_team, build_tenancy


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
    tenancies = {team.name: build_tenancy(environment, team, cluster, services) for team in environment.teams}
    teams = {
        team.name: build_team(environment, team, tenancies[team.name], cluster, services) for team in environment.teams
    }
    build_drains(services, cluster, after=list(tenancies.values()))
    return {
        "cluster": {"name": cluster.name, "kind": cluster.kind, "server": cluster.server},
        "storage": {storage.name: storage_output(storage, cluster) for storage in environment.storage},
        "monitoring": monitoring_output(services.monitoring),
        "teams": teams,
    }


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
