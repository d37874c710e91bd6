"""Custom resource definitions as their makers publish them: from the Go module of the catalog's version.

They are downloaded once into the cache folder and are never part of this repository. Go checks a module against the
checksum database, so nothing is pinned here but the version.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from components import catalog
from components.catalog import GoModule
from local import locking
from local.mirror import module_files
from local.paths import cache_folder
from local.progress import Steps


@dataclass(frozen=True, kw_only=True)
class Source:
    """A folder of manifests in the Go module of a catalog entry's version, and the API groups that they define."""

    entry: str
    module: str
    folder: str
    groups: tuple[str, ...]

    @property
    def version(self) -> str:
        known = catalog.load()
        found = known.manifests.get(self.entry) or known.chart(self.entry)
        return f"v{found.version.removeprefix('v')}"

    @property
    def cached(self) -> Path:
        return cache_folder() / "crds" / f"{self.module.rpartition('/')[2]}-{self.version}"


SOURCES = (
    Source(
        entry="external-secrets-crds",
        module="github.com/external-secrets/external-secrets",
        folder="config/crds/bases",
        groups=("external-secrets.io",),
    ),
    Source(
        entry="karpenter-crd",
        module="github.com/aws/karpenter-provider-aws",
        folder="pkg/apis/crds",
        groups=("karpenter.sh", "karpenter.k8s.aws"),
    ),
    Source(
        entry="kueue",
        module="sigs.k8s.io/kueue",
        folder="config/components/crd/bases",
        groups=("kueue.x-k8s.io",),
    ),
    Source(
        entry="prometheus-operator-crds",
        module="github.com/prometheus-operator/prometheus-operator",
        folder="example/prometheus-operator-crd",
        groups=("monitoring.coreos.com",),
    ),
)


def files(source: Source) -> list[Path]:
    """The manifests of a source, downloaded when they are not there. Raises Failure when they cannot be had."""
    if not source.cached.exists():
        with locking.waiting_for(cache_folder() / "crds.lock"):
            # Another test run may have them by now.
            if not source.cached.exists():
                _download(source)
    return sorted(file for file in source.cached.glob("*.yaml") if file.name != "kustomization.yaml")


def _download(source: Source) -> None:
    source.cached.parent.mkdir(parents=True, exist_ok=True)
    with (
        Steps() as steps,
        tempfile.TemporaryDirectory(dir=source.cached.parent) as folder,
        module_files.module_source(Path(folder) / "go", steps) as go,
        steps.step(f"{source.module} {source.version}"),
    ):
        published = module_files.download(GoModule(path=source.module, folder=source.folder), source.version, go)
        # Complete or not at all, so that an interrupted download simply starts again.
        partial = Path(folder) / "crds"
        shutil.copytree(published, partial)
        partial.rename(source.cached)
