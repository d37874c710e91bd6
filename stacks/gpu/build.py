"""From the `gpu:` section to its components."""

from __future__ import annotations

import pulumi

from components.cluster import Cluster
from components.gpu.support import GpuSupport, GpuSupportArgs
from stacks.gpu.config import Gpu


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
