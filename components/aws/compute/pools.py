"""What a node pool is, whatever scales it: labels, taints, image and start-up settings. Pure functions."""

from __future__ import annotations

import base64
import dataclasses
import functools
from typing import Literal

from components.aws.compute import instance_types
from components.gpu_resources import GPU, PRESENT_LABEL
from components.labels import TEAM_LABEL
from components.placement import POOL_LABEL

Capacity = Literal["on-demand", "spot", "capacity-block"]
# Pods of the platform itself run here; it is the one pool that may never be scaled to nothing.
SYSTEM_POOL = "system"


@dataclasses.dataclass(frozen=True, kw_only=True)
class NodePool:
    """A pool of alike machines. min, max: nodes. disk: GiB of the root volume. zones: empty for all of the
    VPC.

    reservation: id of the EC2 capacity reservation behind a capacity block. team: the one team whose work may
    run here; None for all.
    """

    name: str
    instance_types: tuple[str, ...]
    capacity: Capacity = "on-demand"
    min: int = 0
    max: int
    disk: int = 100
    zones: tuple[str, ...] = ()
    efa: bool = False
    placement_group: bool = False
    reservation: str | None = None
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    taints: tuple[tuple[str, str, str], ...] = ()
    team: str | None = None

    @functools.cached_property
    def types(self) -> tuple[instance_types.InstanceType, ...]:
        """The instance types with what is known of them."""
        return tuple(instance_types.named(name) for name in self.instance_types)

    @property
    def gpus(self) -> int:
        """GPUs of the largest type; 0 for a pool without."""
        return max(t.gpus for t in self.types)

    @property
    def local_disks(self) -> bool:
        """Whether every type has an instance store."""
        return all(t.local_disk for t in self.types)

    @property
    def architecture(self) -> instance_types.Architecture:
        """The one architecture of the pool's types."""
        return self.types[0].architecture

    @property
    def node_labels(self) -> dict[str, str]:
        """Labels of the nodes. Kueue's flavors and autoscalers that start from zero nodes both need them
        here.
        """
        gpu = {PRESENT_LABEL: "true", "ml-platform/gpu-model": self.types[0].gpu_model} if self.gpus else {}
        team = {TEAM_LABEL: self.team} if self.team else {}
        return {**self.labels, **gpu, **team, POOL_LABEL: self.name}

    @property
    def node_taints(self) -> tuple[tuple[str, str, str], ...]:
        """Taints as key, value and Kubernetes effect. Only work that asks for GPUs lands on GPU nodes, and only that
        of a team on nodes that are dedicated to it.
        """
        gpu = ((GPU, "true", "NoSchedule"),) if self.gpus else ()
        team = ((TEAM_LABEL, self.team, "NoSchedule"),) if self.team else ()
        return (*gpu, *team, *self.taints)


def ami_type(pool: NodePool) -> str:
    """The EKS optimised image of a managed node group: Amazon Linux 2023, with NVIDIA's driver for GPUs."""
    if pool.gpus:
        return "AL2023_x86_64_NVIDIA"
    return "AL2023_ARM_64_STANDARD" if pool.architecture == "arm64" else "AL2023_x86_64_STANDARD"


def user_data(pool: NodePool) -> str | None:
    """Base64 MIME with nodeadm's settings, which EKS merges with its own; None where there is nothing to say."""
    if not pool.local_disks:
        return None
    parts = [
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="//"',
        "",
        "--//",
        "Content-Type: application/node.eks.aws",
        "",
        "---",
        "apiVersion: node.eks.aws/v1alpha1",
        "kind: NodeConfig",
        "spec:",
        "  instance:",
        "    localStorage:",
        "      strategy: RAID0",
        "",
        "--//--",
        "",
    ]
    return base64.b64encode("\n".join(parts).encode()).decode()


def autoscaler_tags(pool: NodePool) -> dict[str, str]:
    """Tags of a group's Auto Scaling group, by which Cluster Autoscaler knows nodes that do not exist yet."""
    prefix = "k8s.io/cluster-autoscaler/node-template"
    resources = {f"{prefix}/resources/{GPU}": str(pool.gpus)} if pool.gpus else {}
    labels = {f"{prefix}/label/{key}": value for key, value in pool.node_labels.items()}
    taints = {f"{prefix}/taint/{key}": f"{value}:{effect}" for key, value, effect in pool.node_taints}
    return {**labels, **taints, **resources}
