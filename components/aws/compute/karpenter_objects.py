"""A node pool as the two Kubernetes objects that Karpenter reads: pure functions."""

from __future__ import annotations

from typing import Any

import pulumi

from components.aws import tags
from components.aws.compute.pools import NodePool
from components.gpu_resources import GPU

NODE_POOL_API = "karpenter.sh/v1"
NODE_CLASS_API = "karpenter.k8s.aws/v1"
AUTO_MODE_CLASS_API = "eks.amazonaws.com/v1"

# Node images have security fixes about every two weeks; a node older than this is replaced.
EXPIRE_AFTER = "336h"
# A GPU node that has been idle this long is given back. Long enough for the next step of a pipeline to find
# it.
CONSOLIDATE_AFTER = {True: "10m", False: "1m"}

_KARPENTER_CAPACITY = {"on-demand": ["on-demand"], "spot": ["spot"], "capacity-block": ["reserved"]}
_KUBERNETES_ARCHITECTURE = {"x86_64": "amd64", "arm64": "arm64"}


def node_pool_spec(pool: NodePool, *, zones: tuple[str, ...], auto_mode: bool = False) -> dict[str, Any]:
    """Spec of the NodePool. `zones`: where the pool may launch. Nodes of the pool are counted by what they
    hold: the limit is `max` times the largest type, in GPUs where it has some, else in CPUs.
    """
    largest = max(pool.types, key=lambda t: (t.gpus, t.vcpus))
    limit = {GPU: str(pool.max * largest.gpus)} if pool.gpus else {"cpu": str(pool.max * largest.vcpus)}
    group, kind, name = (
        (AUTO_MODE_CLASS_API, "NodeClass", "default") if auto_mode else (NODE_CLASS_API, "EC2NodeClass", pool.name)
    )
    return {
        "limits": limit,
        "disruption": {
            # A running training is not moved to save money: GPU nodes go only when they are empty.
            "consolidationPolicy": "WhenEmpty" if pool.gpus else "WhenEmptyOrUnderutilized",
            "consolidateAfter": CONSOLIDATE_AFTER[bool(pool.gpus)],
            "budgets": [{"nodes": "10%"}],
        },
        "template": {
            "metadata": {"labels": pool.node_labels},
            "spec": {
                "nodeClassRef": {"group": group.partition("/")[0], "kind": kind, "name": name},
                "expireAfter": EXPIRE_AFTER,
                "taints": [{"key": k, "value": v, "effect": e} for k, v, e in pool.node_taints],
                "requirements": [
                    _is_in("node.kubernetes.io/instance-type", list(pool.instance_types)),
                    _is_in("karpenter.sh/capacity-type", _KARPENTER_CAPACITY[pool.capacity]),
                    _is_in("kubernetes.io/arch", [_KUBERNETES_ARCHITECTURE[pool.architecture]]),
                    _is_in("kubernetes.io/os", ["linux"]),
                    _is_in("topology.kubernetes.io/zone", list(zones)),
                ],
            },
        },
    }


def node_class_spec(
    pool: NodePool,
    *,
    cluster: str,
    image_release: str,
    instance_profile: pulumi.Input[str],
    node_tags: dict[str, str],
    efa_group_id: pulumi.Input[str] | None = None,
    placement_group: pulumi.Input[str] | None = None,
) -> dict[str, Any]:
    """Spec of the EC2NodeClass. image_release: date of the Amazon Linux 2023 images; for GPU types Karpenter
    then takes the one with NVIDIA's driver.
    """
    groups: list[dict[str, Any]] = [{"tags": tags.discovery(cluster)}]
    if pool.efa:
        if efa_group_id is None:
            raise ValueError(f"node pool {pool.name}: EFA needs efa_group_id")
        groups.append({"id": efa_group_id})
    spec: dict[str, Any] = {
        "amiSelectorTerms": [{"alias": f"al2023@{image_release}"}],
        "instanceProfile": instance_profile,
        "subnetSelectorTerms": [{"tags": tags.discovery(cluster)}],
        "securityGroupSelectorTerms": groups,
        "associatePublicIPAddress": False,
        "detailedMonitoring": True,
        # As in managed groups: pods cannot reach the metadata service.
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        "blockDeviceMappings": [
            {
                "deviceName": "/dev/xvda",
                "rootVolume": True,
                "ebs": {
                    "volumeSize": f"{pool.disk}Gi",
                    "volumeType": "gp3",
                    "encrypted": True,
                    "deleteOnTermination": True,
                },
            }
        ],
        # The discovery tag is not here: machines would then be taken for the subnets' own kind of resource.
        "tags": {**node_tags, tags.NODE_POOL: pool.name},
    }
    if pool.local_disks:
        spec["instanceStorePolicy"] = "RAID0"
    if pool.reservation:
        spec["capacityReservationSelectorTerms"] = [{"id": pool.reservation}]
    if placement_group is not None:
        spec["placementGroupSelector"] = {"name": placement_group}
    return spec


def _is_in(key: str, values: list[str]) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": values}
