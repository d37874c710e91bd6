"""From the config to the components of GPUs and of priorities."""

from __future__ import annotations

import pulumi

from components.cluster import Cluster
from components.gpu.support import GpuSupport, GpuSupportArgs
from components.priorities.classes import Priorities, PrioritiesArgs
from components.priorities.names import Priority
from stacks.environment.config import Environment
from stacks.gpu.config import Gpu


def build_priorities(environment: Environment, cluster: Cluster) -> Priorities:
    added = tuple(
        Priority(name=said.name, value=said.value, preempts=said.preempts, description=said.description or "")
        for said in environment.priorities
    )
    return Priorities("priorities", PrioritiesArgs(added=added), pulumi.ResourceOptions(providers=[cluster.provider]))


def build_gpu_support(config: Gpu, cluster: Cluster) -> GpuSupport:
    return GpuSupport(
        "gpu",
        GpuSupportArgs(
            driver=config.driver,
            sources=cluster.sources,
            connection=cluster.connection,
            sharing=config.sharing.settings(),
            pools={pool.name: pool.sharing.settings() for pool in config.pools},
            dcgm=config.dcgm,
            dra=config.dra,
        ),
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )
