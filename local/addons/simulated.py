"""The simulated GPU nodes: what kwok plays, as Kubernetes objects. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.gpu_resources import DEVICE_CLASS, GPU, PRESENT_LABEL, node_resources
from components.labels import TEAM_LABEL
from components.placement import POOL_LABEL
from stacks.clouds.config import LocalCluster
from stacks.gpu.config import Gpu

#: Marks the nodes that kwok plays and what they publish, so that those which left the stack config are removed.
SIMULATED = {"ml-platform/node": "simulated"}


@dataclass(frozen=True, kw_only=True)
class SimulatedPool:
    """Alike nodes. `offers`: what a node offers of GPUs, by resource name; `devices`: how many it publishes (DRA)."""

    name: str
    count: int
    gpus: int
    instance_type: str
    product: str | None
    offers: Mapping[str, int]
    devices: int = 0
    team: str | None = None

    @property
    def nodes(self) -> list[str]:
        return [f"{self.name}-{number}" for number in range(self.count)]


def simulated_pools(cluster: LocalCluster, gpu: Gpu | None) -> list[SimulatedPool]:
    """The pools of `cluster.simulatedNodes`, with their GPUs as the `gpu` section has them shared or claimed."""
    claimed = gpu is not None and gpu.dra
    pools: list[SimulatedPool] = []
    for pool in cluster.simulated_nodes:
        shared = node_resources(pool.gpus, gpu.sharing_of(pool.name)) if gpu else {GPU: pool.gpus}
        pools.append(
            SimulatedPool(
                name=pool.name,
                count=pool.count,
                gpus=pool.gpus,
                instance_type=pool.instance_type,
                product=pool.gpu_product,
                offers={} if claimed else shared,
                devices=pool.gpus if claimed else 0,
                team=pool.dedicated_to,
            )
        )
    return pools


def simulated_nodes(pools: Sequence[SimulatedPool]) -> list[dict[str, Any]]:
    """Node objects. They carry what NVIDIA's device plugin and feature discovery would put on a real GPU node: its
    resources, the product label; and the taints that keep other pods away.
    """
    nodes: list[dict[str, Any]] = []
    for pool in pools:
        capacity = {
            "cpu": "96",
            "memory": "1152Gi",
            "pods": "110",
            "ephemeral-storage": "1000Gi",
            **{name: str(number) for name, number in pool.offers.items()},
        }
        taints = [{"key": GPU, "value": "present", "effect": "NoSchedule"}]
        if pool.team:
            taints.append({"key": TEAM_LABEL, "value": pool.team, "effect": "NoSchedule"})
        for name in pool.nodes:
            labels = SIMULATED | {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": pool.instance_type,
                POOL_LABEL: pool.name,
                PRESENT_LABEL: "true",
                "nvidia.com/gpu.count": str(pool.gpus),
            }
            if pool.product:
                labels["nvidia.com/gpu.product"] = pool.product
            if pool.team:
                labels[TEAM_LABEL] = pool.team
            nodes.append(
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {
                        "name": name,
                        "labels": labels,
                        "annotations": {"kwok.x-k8s.io/node": "fake"},
                    },
                    "spec": {"taints": taints},
                    "status": {"capacity": capacity, "allocatable": capacity},
                }
            )
    return nodes


def published_devices(pools: Sequence[SimulatedPool]) -> list[dict[str, Any]]:
    """What NVIDIA's DRA driver would publish: its class of GPUs, and a ResourceSlice of each node."""
    slices = [_slice(pool, name) for pool in pools if pool.devices for name in pool.nodes]
    if not slices:
        return []
    is_gpu = f"device.driver == '{DEVICE_CLASS}' && device.attributes['{DEVICE_CLASS}'].type == 'gpu'"
    device_class = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": DEVICE_CLASS, "labels": SIMULATED},
        "spec": {"selectors": [{"cel": {"expression": is_gpu}}]},
    }
    return [device_class, *slices]


def _slice(pool: SimulatedPool, node: str) -> dict[str, Any]:
    attributes = {"type": {"string": "gpu"}, "productName": {"string": pool.product or pool.instance_type}}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": f"{node}-{DEVICE_CLASS}", "labels": SIMULATED},
        "spec": {
            "driver": DEVICE_CLASS,
            "nodeName": node,
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": f"gpu-{number}", "attributes": attributes} for number in range(pool.devices)],
        },
    }
