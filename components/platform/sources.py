"""Where the things of the catalog are taken from: their makers, or a mirror of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

from components import catalog


@dataclass(frozen=True, kw_only=True)
class ReleaseSource:
    """What tells Helm where a chart is: the same three arguments that a `helm.v3.Release` has."""

    chart: str
    version: str
    repository_opts: k8s.helm.v3.RepositoryOptsArgs | None = None


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A mirror of the catalog, or parts of one. What is None comes from where the catalog says.

    `charts` is a folder with `charts/<name>-<version>.tgz` and `manifests/<name>-<version>.yaml`, or an OCI registry
    (`oci://…`) with the charts. `manifests` is another folder of the manifests, or an address (`https://…`). `images`
    is a prefix: `registry.example.com/mirror` makes `registry.example.com/mirror/quay.io/x/y:v1` of `quay.io/x/y:v1`.
    """

    charts: str | None = None
    images: str | None = None
    manifests: str | None = None

    def mirrored(self, reference: str) -> str:
        """An image reference as this cluster's nodes pull it."""
        return f"{self.images.rstrip('/')}/{reference}" if self.images else reference

    def image(self, name: str) -> str:
        """The full reference of an image of the catalog. LookupError when there is none of that name."""
        return self.mirrored(catalog.load().image(name).reference)

    def chart_image(self, chart: str, name: str) -> str:
        """The full reference of an image that a chart starts, by the last part of its name. LookupError without one."""
        return self.mirrored(catalog.load().chart(chart).image(name))

    def release(self, name: str) -> ReleaseSource:
        """Where Helm finds a chart of the catalog.

        LookupError when there is none of that name, MirrorError when the mirror's folder lacks it.
        """
        chart = catalog.load().chart(name)
        if self.charts is None:
            return ReleaseSource(
                chart=chart.chart,
                version=chart.version,
                repository_opts=k8s.helm.v3.RepositoryOptsArgs(repo=chart.repository) if chart.repository else None,
            )
        if self.charts.startswith("oci://"):
            return ReleaseSource(chart=f"{self.charts.rstrip('/')}/{name}", version=chart.version)
        archive = _existing(Path(self.charts) / "charts" / f"{name}-{chart.version}.tgz", name)
        return ReleaseSource(chart=archive, version=chart.version)

    def manifest(self, name: str) -> tuple[str, ...]:
        """Paths or URLs of the files of a manifest of the catalog.

        LookupError when there is none of that name, MirrorError when the mirror's folder lacks it.
        """
        manifest = catalog.load().manifest(name)
        file = f"{name}-{manifest.version}.yaml"
        if self.manifests is not None:
            place = self.manifests.rstrip("/")
            return (f"{place}/{file}" if "://" in place else _existing(Path(place) / file, name),)
        if self.charts is None or self.charts.startswith("oci://"):
            return manifest.addresses
        return (_existing(Path(self.charts) / "manifests" / file, name),)


class MirrorError(pulumi.RunError):
    """A mirror that lacks what is to be installed. The message names the file and the remedy."""


def _existing(file: Path, name: str) -> str:
    if not file.is_file():
        raise MirrorError(
            f"the mirror has no {file}. `make mirror ENTRIES={name}` makes it on this machine; for a mirror of your "
            "own, put it there or correct `catalog.mirror`."
        )
    return str(file)
