"""The `gpu:` section: what offers GPUs to pods, and how they are shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from components import gpu_resources as gpus
from stacks.clouds.model import ClusterModel
from stacks.clouds.pools import PoolFacts
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule, unique_names
from stacks.language.types import Name
from stacks.workloads.types import MigProfile


class ExclusiveConfig(ConfigModel):
    """Each GPU belongs to one pod at a time."""

    kind: Literal["exclusive"] = Field(description="Each GPU belongs to one pod at a time.")

    def settings(self) -> gpus.Sharing:
        return gpus.Exclusive()


class TimeSlicingConfig(ConfigModel):
    """Pods take turns on a GPU."""

    kind: Literal["time-slicing"] = Field(
        description="Pods take turns on a GPU, and share its memory without isolation."
    )
    replicas: int = Field(ge=2, le=48, description="Number of pods that can share a GPU.")
    rename: bool = Field(
        default=True,
        description="Whether slices are the resource `nvidia.com/gpu.shared`, requested with `sharedGpus`. "
        "Otherwise they count as GPUs.",
    )

    def settings(self) -> gpus.Sharing:
        return gpus.TimeSlicing(replicas=self.replicas, rename=self.rename)


class MigConfig(ConfigModel):
    """GPUs are divided into partitions (Multi-Instance GPU)."""

    kind: Literal["mig"] = Field(description="Each GPU is divided into partitions with dedicated compute and memory.")
    strategy: Literal["single", "mixed"] = Field(
        default="mixed",
        description="`mixed`: requested by profile, with `mig`. `single`: all partitions have the same profile and "
        "count as GPUs.",
    )
    profiles: Mapping[MigProfile, Annotated[int, Field(ge=1, le=7)]] = Field(
        description="Number of partitions of each profile on every GPU: `{1g.5gb: 7}`."
    )

    @rule("profiles")
    def _partitions(self) -> Iterator[Fault]:
        if not self.profiles:
            message = "names no partition; write at least one, such as {1g.5gb: 7}"
            yield Fault(path=("profiles",), message=message)
        elif self.strategy == "single" and len(self.profiles) > 1:
            message = f"single is for partitions of one profile, and here are {len(self.profiles)}; write mixed"
            yield Fault(path=("strategy",), message=message)
        elif problem := gpus.mig_overflow(self.profiles, ""):
            yield Fault(path=("profiles",), message=f"cannot be on one GPU: {problem}; ask for fewer")

    def settings(self) -> gpus.Sharing:
        return gpus.Mig(strategy=self.strategy, profiles=self.profiles)


Sharing = Annotated[ExclusiveConfig | TimeSlicingConfig | MigConfig, Field(discriminator="kind")]


class PoolSharing(ConfigModel):
    """How the GPUs of one node pool are shared."""

    name: Name = Field(description="Name of a node pool.")
    sharing: Sharing = Field(description="How the GPUs of the pool are shared.")


class Gpu(ConfigModel):
    """How pods get GPUs, and how GPUs are shared."""

    driver: Literal["device-plugin", "operator", "none"] = Field(
        default="device-plugin",
        description="`device-plugin`: a DaemonSet, enough for most clusters. `operator`: NVIDIA's GPU Operator, "
        "which also partitions GPUs. `none`: the nodes already include it, as with EKS Auto Mode, GKE "
        "or Bottlerocket.",
    )
    sharing: Sharing = Field(
        default=ExclusiveConfig(kind="exclusive"),
        description="How GPUs are shared. Default: each belongs to one pod at a time.",
    )
    pools: Many[PoolSharing] = Field(default=(), description="Node pools that share GPUs differently.")
    dcgm: bool = Field(default=True, description="Whether to export metrics of GPUs, with NVIDIA's DCGM exporter.")
    dra: bool = Field(
        default=False,
        description="Whether pods get GPUs through claims (`resource.k8s.io/v1`). Installs NVIDIA's DRA driver, "
        "unless `driver` is `none`.",
    )

    _names = unique_names("pools")

    @rule("driver")
    def _one_hands_them_out(self) -> Iterator[Fault]:
        if self.dra and self.driver == "device-plugin":
            message = (
                "claims and the device plugin would hand out the same GPUs twice; write driver: operator, whose plugin "
                "is then off, or driver: none where the cluster has a DRA driver"
            )
            yield Fault(path=("dra",), message=message)

    @rule("driver", "sharing", "pools[?].sharing")
    def _plugin_that_shares(self) -> Iterator[Fault]:
        for path, sharing in self._said():
            if sharing.kind == "exclusive":
                continue
            if self.dra:
                message = (
                    f"{sharing.kind} is a setting of the device plugin, and dra: true does without it; "
                    "remove one of the two"
                )
                yield Fault(path=path, message=message)
            elif self.driver == "none":
                message = (
                    f"{sharing.kind} is a setting of the platform's device plugin, and driver: none installs none; "
                    "write driver: device-plugin or operator, or remove the key"
                )
                yield Fault(path=path, message=message)

    def installs(self, cluster: str) -> Iterator[str]:
        if self.driver == "operator":
            yield "gpu-operator"
        if self.driver == "device-plugin":
            yield "nvidia-device-plugin"
        if self.dcgm and self.driver != "operator":
            yield "dcgm-exporter"
        if self.dra and self.driver != "none":
            yield "dra-driver-nvidia-gpu"

    def _said(self) -> Iterator[tuple[tuple[str | int, ...], ExclusiveConfig | TimeSlicingConfig | MigConfig]]:
        yield ("sharing",), self.sharing
        for index, pool in enumerate(self.pools):
            yield ("pools", index, "sharing"), pool.sharing

    def sharing_of(self, pool: str) -> gpus.Sharing:
        """How the GPUs of a node pool are shared."""
        return next((one.sharing for one in self.pools if one.name == pool), self.sharing).settings()

    def node_labels(self, pool: str) -> dict[str, str]:
        """Labels by which NVIDIA's operator knows the settings of a pool's nodes; its default needs none."""
        own = next((one.sharing for one in self.pools if one.name == pool), None)
        if self.driver != "operator" or own is None:
            return {}
        return {gpus.PLUGIN_LABEL: pool, gpus.MIG_LABEL: pool if own.kind == "mig" else gpus.MIG_DISABLED}


def known_pools(cluster: ClusterModel, gpu: Gpu | None) -> tuple[PoolFacts, ...]:
    """The node pools of the cluster, with their GPUs as the `gpu` section shares them."""
    return tuple(replace(pool, sharing=gpu.sharing_of(pool.name)) if gpu else pool for pool in cluster.pools())
