"""The node pools that a stack file tells of, whatever kind of cluster has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.aws.compute import instance_types
from components.gpu import resources as gpus
from stacks.clouds.config import AwsCluster, Cluster, LocalCluster
from stacks.gpu.config import Gpu


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool of alike nodes. gpus: of its largest node. product: what is known of the GPUs, for `gpus.mig_profiles`.

    path: where the stack file says it. team: the one that it is dedicated to. karpenter: whether its nodes are started
    for pods that wait. resources: what a node offers of GPUs and their parts, by resource name.
    """

    name: str
    path: tuple[str | int, ...]
    gpus: int
    product: str
    team: str | None
    karpenter: bool
    sharing: gpus.Sharing

    @property
    def resources(self) -> Mapping[str, int]:
        return gpus.node_resources(self.gpus, self.sharing) if self.gpus else {}


def known_pools(cluster: Cluster, settings: Gpu | None) -> tuple[Pool, ...]:
    """The pools of the cluster. Empty where they are not this file's business: then nothing is known of them.

    settings: how their GPUs are shared.
    """

    def sharing_of(pool: str) -> gpus.Sharing:
        return settings.sharing_of(pool) if settings else gpus.Exclusive()

    if isinstance(cluster, LocalCluster):
        return tuple(
            Pool(
                name=pool.name,
                path=("cluster", "simulatedNodes", index),
                gpus=pool.gpus,
                product=pool.gpu_product or "",
                team=pool.dedicated_to,
                karpenter=False,
                sharing=sharing_of(pool.name),
            )
            for index, pool in enumerate(cluster.simulated_nodes)
        )
    if isinstance(cluster, AwsCluster):
        return tuple(
            Pool(
                name=pool.name,
                path=("cluster", "nodePools", index),
                gpus=max((instance_types.named(one).gpus for one in pool.instance_types), default=0),
                product=" ".join(f"{one} {instance_types.named(one).gpu_model}" for one in pool.instance_types),
                team=pool.dedicated_to,
                karpenter=pool.scaler == "karpenter",
                sharing=sharing_of(pool.name),
            )
            for index, pool in enumerate(cluster.node_pools)
        )
    return ()
