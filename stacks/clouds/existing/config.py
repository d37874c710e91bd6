"""`cluster.kind: existing`: any cluster that is already there, such as AKS, GKE, on-premises or kind."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stacks.clouds.kubeconfig import KubeconfigCluster
from stacks.language.types import ObjectName


class ExistingCluster(KubeconfigCluster):
    """Any existing cluster: AKS, GKE, on-premises, kind."""

    kind: Literal["existing"] = Field(description="An existing cluster, by its kubeconfig.")
    storage_class: ObjectName | None = Field(
        default=None, description="StorageClass of volumes that do not set one. Default: the cluster's default class."
    )
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        default="ClusterIP", description="Type of the Services of model servers."
    )
    single_node: bool = Field(
        default=False,
        description="Whether the cluster has one node only, as on a laptop (kind, minikube, k3s, Docker Desktop): the "
        "pods of a team may then share a `ReadWriteOnce` volume.",
    )

    @property
    def one_node(self) -> bool:
        return self.single_node

    @property
    def all_is_ours(self) -> bool:
        return False
