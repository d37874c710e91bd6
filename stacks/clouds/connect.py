"""An existing cluster, through its kubeconfig."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from components.cluster import Cluster, ClusterArgs, KubeContext, kube_context, read_kubeconfig
from components.exposure import ClusterAddress, Exposure
from components.platform.sources import Sources
from stacks.clouds.kubeconfig import KubeconfigCluster


def connect(
    config: KubeconfigCluster,
    *,
    kind: str,
    sources: Sources,
    identifier: str | None = None,
    storage_class: str | None = None,
    exposure: Callable[[KubeContext], Exposure] = lambda _: ClusterAddress(),
) -> Cluster:
    """The cluster of a kubeconfig that the config names.

    `identifier`: the cluster's identity, otherwise the context's name: a context that comes to mean another cluster
    shows as missing objects, and a refresh makes them. Were the address the identity, a moved API server would make
    Pulumi replace, hence delete, everything.
    """
    # Resolved, since Pulumi's provider is another process and may have another working directory.
    path = config.kubeconfig_path(os.environ, Path.home()).resolve()
    context = kube_context(read_kubeconfig(path), context=config.context, source=str(path))
    return Cluster(
        "cluster",
        ClusterArgs(
            identifier=identifier or context.name,
            kind=kind,
            server=context.server,
            kubeconfig=str(path),
            context=context.name,
            storage_class=storage_class,
            exposure=exposure(context),
            sources=sources,
        ),
    )
