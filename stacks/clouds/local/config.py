"""`cluster.kind: local`: the embedded cluster of this machine."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from stacks.clouds.kubeconfig import KubeconfigCluster
from stacks.clouds.pools import PoolFacts
from stacks.language.model import ConfigModel, Many, unique_names
from stacks.language.types import FilledLabelValue, Name


class SimulatedNodes(ConfigModel):
    """GPU nodes that exist only on the API server (kwok), to test placement and quotas without GPUs."""

    name: Name = Field(description="Name of the pool. Its nodes are `<name>-0`, `<name>-1` …")
    count: int = Field(ge=1, le=1000, description="Number of nodes.")
    gpus: int = Field(ge=1, le=16, description="GPUs of each node.")
    instance_type: FilledLabelValue = Field(description="Instance type label of the nodes, such as `p4d.24xlarge`.")
    gpu_product: FilledLabelValue | None = Field(
        default=None, description="Label `nvidia.com/gpu.product` of the nodes."
    )
    dedicated_to: Name | None = Field(
        default=None, description="Team that the nodes are dedicated to. Default: all teams."
    )


class LocalCluster(KubeconfigCluster):
    """The embedded cluster of this machine."""

    # The embedded cluster's variable decides for no other kind, so that a shell set up for it does not deploy to
    # another cluster.
    variables: ClassVar[tuple[str, ...]] = ("ML_PLATFORM_KUBECONFIG", "KUBECONFIG")

    kind: Literal["local"] = Field(description="The embedded cluster that `make cluster` starts.")
    simulated_nodes: Many[SimulatedNodes] = Field(default=(), description="Simulated GPU nodes.")

    _names = unique_names("simulatedNodes")

    def pools(self) -> tuple[PoolFacts, ...]:
        return tuple(
            PoolFacts(
                name=pool.name,
                path=("cluster", "simulatedNodes", index),
                nodes=pool.count,
                gpus=pool.gpus,
                product=pool.gpu_product or "",
                instance_types=(pool.instance_type,),
                team=pool.dedicated_to,
            )
            for index, pool in enumerate(self.simulated_nodes)
        )

    @property
    def embedded(self) -> bool:
        return True

    @property
    def one_node(self) -> bool:
        return True

    @property
    def verifies_kubelets(self) -> bool:
        return True

    @property
    def monitoring_install(self) -> Literal["chart", "operator"]:
        # The mirror of this machine has the programs, and no chart.
        return "operator"

    def gpu_driver_problem(self, driver: str) -> str | None:
        if driver != "operator":
            return None
        return (
            "the embedded cluster has no GPU and none of NVIDIA's images; write driver: device-plugin, whose pods run "
            "on simulated nodes"
        )

    @property
    def protects_data(self) -> bool:
        return False

    @property
    def driver_problem(self) -> str | None:
        return "the embedded cluster's node cannot mount NFS, its kernel may lack it; remove the key"

    @property
    def workload_identity(self) -> bool:
        return False
