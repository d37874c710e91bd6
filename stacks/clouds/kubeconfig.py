"""Clusters that the stack does not make: what they have in common is a kubeconfig."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from stacks.clouds.model import ClusterModel
from stacks.language.types import Filled


class KubeconfigCluster(ClusterModel):
    """An existing cluster, by a context of a kubeconfig.

    variables: the environment variables that may name the kubeconfig, the first one that does wins.
    """

    variables: ClassVar[tuple[str, ...]] = ("KUBECONFIG",)

    kubeconfig: Filled | None = Field(
        default=None,
        description="Path of the kubeconfig file. Default: `KUBECONFIG`, then `~/.kube/config`; with `kind: local`,"
        " `ML_PLATFORM_KUBECONFIG` first.",
    )
    context: Filled | None = Field(default=None, description="Context in the kubeconfig. Default: its current context.")

    def kubeconfig_path(self, environ: Mapping[str, str], home: Path) -> Path:
        """The kubeconfig: what the config names, otherwise the environment, otherwise the user's own file.

        Of a `KUBECONFIG` that lists several files, the first is used.
        """
        for candidates in (self.kubeconfig, *(environ.get(variable) for variable in self.variables)):
            for candidate in (candidates or "").split(":"):
                if candidate:
                    return home / candidate[2:] if candidate.startswith("~/") else Path(candidate)
        return home / ".kube" / "config"
