"""How a resource that talks to a cluster itself, not through Pulumi's Kubernetes provider, reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from components.platform.cluster_client import Client


@dataclass(frozen=True, kw_only=True)
class Connection:
    """`kubeconfig` is the path or the text of a kubeconfig, `context` one of its contexts (None: its current one)."""

    kubeconfig: pulumi.Input[str]
    context: str | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """What a dynamic resource keeps of it."""
        return {"kubeconfig": self.kubeconfig, "context": self.context}


def client_of(properties: Mapping[str, Any]) -> Client:
    """A client for the cluster that a dynamic resource with these properties is on."""
    # The Kubernetes client takes a second to import, and a preview does not need it.
    from components.platform import cluster_client

    return cluster_client.connect(properties["kubeconfig"], properties.get("context"))
