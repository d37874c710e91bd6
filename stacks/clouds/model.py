"""What a stack file's other sections may ask of the cluster, whatever its kind: the one place where kinds differ.

A kind of cluster is a model in a folder of its own that answers these questions; the answers here are those of a
cluster of which nothing is known. No other module asks for the kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from stacks.clouds.login import CloudLogin
from stacks.clouds.pools import PoolFacts
from stacks.language.model import ConfigModel


class ClusterModel(ConfigModel):
    """The `cluster:` section of one kind."""

    # --- who deploys ---

    @property
    def login(self) -> CloudLogin | None:
        """The cloud that the stack is deployed to; None where only a kubeconfig is needed."""
        return None

    # --- nodes ---

    def pools(self) -> tuple[PoolFacts, ...]:
        """The node pools; empty where they are not this file's business, and nothing is known of them."""
        return ()

    @property
    def one_node(self) -> bool:
        """Whether all pods run on one node, where `ReadWriteOnce` is enough for a volume that they share."""
        return False

    @property
    def verifies_kubelets(self) -> bool:
        """Whether the kubelets' certificates are of the cluster's authority. Often a kubelet signs its own."""
        return False

    # --- what is installed ---

    def installs(self) -> Iterable[str]:
        """The entries of the catalog that the cluster needs itself."""
        return ()

    @property
    def all_is_ours(self) -> bool:
        """Whether nobody but this stack puts anything on the cluster, such as PriorityClasses."""
        return True

    @property
    def embedded(self) -> bool:
        """Whether it is the embedded cluster, which takes the catalog from the mirror of this machine."""
        return False

    @property
    def monitoring_install(self) -> Literal["chart", "operator"]:
        """How the monitoring gets onto the cluster where `monitoring.install` does not say."""
        return "chart"

    def gpu_driver_problem(self, driver: str) -> str | None:
        """Why `gpu.driver` cannot be this one, and the remedy."""
        del driver
        return None

    @property
    def partitions_gpus(self) -> bool:
        """Whether somebody partitions GPUs (MIG) where NVIDIA's operator is not installed."""
        return True

    # --- storage ---

    @property
    def protects_data(self) -> bool:
        """Whether data is protected from deletion where `protectData` does not say."""
        return True

    def makes_file_system(self, kind: str) -> bool:
        """Whether the cluster's own stack makes a file system for storages of that kind which name none."""
        del kind
        return False

    def how_to_make_file_system(self, kind: str) -> str | None:
        """The remedy where it could make one, and does not."""
        del kind
        return None

    @property
    def own_buckets(self) -> Sequence[str]:
        """The names of the buckets that the cluster's own stack makes."""
        return ()

    def mount_problem(self, kind: str) -> str | None:
        """What is missing to mount storages of that kind, and the remedy."""
        del kind
        return None

    @property
    def driver_problem(self) -> str | None:
        """Why `storageDrivers` cannot be installed, and the remedy."""
        return None

    @property
    def brings_no_nfs(self) -> str | None:
        """What the cluster is called where it is known to have no driver that makes NFS folders."""
        return None

    @property
    def workload_identity(self) -> bool:
        """Whether the pods' service accounts can be somebody outside the cluster."""
        return True

    # --- secrets ---

    @property
    def secret_region(self) -> str | None:
        """The region of the secret store of which each team may read its own entries; None without one."""
        return None
