"""How a resource that talks to a cluster itself, not through Pulumi's Kubernetes provider, reaches it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class Connection:
    """`kubeconfig` is the path or the text of a kubeconfig, `context` one of its contexts (None: its current one)."""

    kubeconfig: pulumi.Input[str]
    context: str | None = None
