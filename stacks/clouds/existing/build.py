"""A cluster that is already there, and how its Services are reached from outside."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from components.cluster import Cluster, KubeContext
from components.exposure import ClusterAddress, Exposure, LoadBalancerAddress, NodeAddress
from components.platform.sources import Sources
from stacks.clouds.connect import connect
from stacks.clouds.existing.config import ExistingCluster
from stacks.clouds.interface import Cloud, CloudArgs


def build(config: ExistingCluster, args: CloudArgs) -> Cloud:
    return Cloud(cluster=connect_to(config, sources=args.sources))


def connect_to(config: ExistingCluster, *, sources: Sources | None = None, identifier: str | None = None) -> Cluster:
    """`identifier`: as in `connect`."""
    return connect(
        config,
        kind=config.kind,
        sources=sources or Sources(),
        identifier=identifier,
        storage_class=config.storage_class,
        exposure=partial(exposure_of, config),
    )


def exposure_of(config: ExistingCluster, context: KubeContext) -> Exposure:
    match config.service_type:
        case "ClusterIP":
            return ClusterAddress()
        case "LoadBalancer":
            return LoadBalancerAddress()
        case "NodePort":
            # Every node opens a NodePort. The one that is known is the API server's: true wherever it runs on a node.
            return NodeAddress(node=urlsplit(context.server).hostname or "localhost")
