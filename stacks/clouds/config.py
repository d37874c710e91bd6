"""Which cluster a stack stands on. `kind` decides only where the connection comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from stacks.clouds.aws.config import AwsCluster
from stacks.language.model import ConfigModel, Many, unique_names
from stacks.language.types import Filled, Name, ObjectName


class SimulatedNodes(ConfigModel):
    """GPU nodes that exist only on the API server (kwok), to try placement and quotas without GPUs."""

    name: Name = Field(description="Name of the pool; its nodes are `<name>-0`, `<name>-1` …")
    count: int = Field(ge=1, le=1000, description="Number of nodes.")
    gpus: int = Field(ge=1, le=16, description="GPUs of each node.")
    instance_type: Filled = Field(description="Instance type that the nodes pretend to be, such as `p4d.24xlarge`.")
    gpu_product: Filled | None = Field(default=None, description="Label `nvidia.com/gpu.product` of the nodes.")
    dedicated_to: Name | None = Field(default=None, description="The one team whose work may run on the nodes.")


class LocalCluster(ConfigModel):
    """The embedded cluster of this machine."""

    kind: Literal["local"] = Field(description="The embedded cluster that `make cluster` starts.")
    kubeconfig: Filled | None = Field(
        default=None,
        description="Path of the kubeconfig. Else `ML_PLATFORM_KUBECONFIG`, `KUBECONFIG`, `~/.kube/config`.",
    )
    context: Filled | None = Field(default=None, description="Context in the kubeconfig. Else its current context.")
    simulated_nodes: Many[SimulatedNodes] = Field(default=(), description="Simulated GPU nodes.")

    _names = unique_names("simulatedNodes")


class ExistingCluster(ConfigModel):
    """Any cluster that is already there: AKS, GKE, on-premises, kind."""

    kind: Literal["existing"] = Field(description="A cluster that you already have, through its kubeconfig.")
    kubeconfig: Filled | None = Field(
        default=None, description="Path of the kubeconfig file. Else `KUBECONFIG` or `~/.kube/config`."
    )
    context: Filled | None = Field(default=None, description="Context in the kubeconfig. Else its current context.")
    storage_class: ObjectName | None = Field(
        default=None, description="StorageClass of volumes that name none. Else the cluster's default class."
    )
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        default="ClusterIP", description="How the addresses of model servers are published."
    )


# Another kind of cluster is one more member here; everything else finds it through this union.
Cluster = Annotated[LocalCluster | ExistingCluster | AwsCluster, Field(discriminator="kind")]


def kubeconfig_path(cluster: LocalCluster | ExistingCluster, environ: Mapping[str, str], home: Path) -> Path:
    """The kubeconfig of a cluster: what the config names, else the environment, else the user's own file.

    Of a `KUBECONFIG` that lists several files, the first is used. The embedded cluster's variable never
    decides for an existing cluster, so that a shell set up for one does not deploy to the other.
    """
    variables = ("ML_PLATFORM_KUBECONFIG", "KUBECONFIG") if cluster.kind == "local" else ("KUBECONFIG",)
    named = [cluster.kubeconfig, *(environ.get(variable) for variable in variables)]
    for candidates in named:
        for candidate in (candidates or "").split(":"):
            if candidate:
                return home / candidate[2:] if candidate.startswith("~/") else Path(candidate)
    return home / ".kube" / "config"
