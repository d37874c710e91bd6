"""`cluster.kind: existing`: any cluster that is already there, such as AKS, GKE, on-premises or kind."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stacks.clouds.kubeconfig import KubeconfigCluster
from stacks.language.types import ObjectName


class ExistingCluster(KubeconfigCluster):
    """Any cluster that is already there: AKS, GKE, on-premises, kind."""

    kind: Literal["existing"] = Field(description="A cluster that you already have, through its kubeconfig.")
    storage_class: ObjectName | None = Field(
        default=None, description="StorageClass of volumes that name none. Else the cluster's default class."
    )
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        default="ClusterIP", description="How the addresses of model servers are published."
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
