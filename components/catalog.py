"""What `catalog.yaml` says, typed: the versions of everything that others wrote and this platform installs."""

from __future__ import annotations

import datetime
import functools
import pathlib
from collections.abc import Mapping
from typing import Self, TypeVar

import pydantic
import yaml

T = TypeVar("T")

PATH = pathlib.Path(__file__).resolve().parent.parent / "catalog.yaml"


class _Entry(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class KubernetesVersion(_Entry):
    """A Kubernetes version that EKS runs, with the add-on versions that were seen to run on it."""

    standard_support_ends: datetime.date
    addons: dict[str, str]


class Eks(_Entry):
    """Version pairs of EKS. `recorded` is the day on which they were written down."""

    recorded: datetime.date
    node_image_release: str
    kubernetes: dict[str, KubernetesVersion]

    def addon_version(self, addon: str, kubernetes_version: str) -> str:
        """The version of a managed add-on for a Kubernetes version; LookupError says what is known."""
        known = self.kubernetes.get(kubernetes_version)
        if known is None:
            versions = ", ".join(sorted(self.kubernetes))
            raise LookupError(
                f"Kubernetes {kubernetes_version!r} has no entry under eks.kubernetes in {PATH.name}; known: {versions}"
            )
        if addon not in known.addons:
            addons = ", ".join(sorted(known.addons))
            raise LookupError(
                f"add-on {addon!r} has no version for Kubernetes {kubernetes_version} in {PATH.name}; known: {addons}"
            )
        return known.addons[addon]


class GoModule(_Entry):
    """The Go module that holds the same files at the same version: where they come from without a registry.

    `folder` lies in the module. `descriptions` is false where the published CRDs leave theirs out. `without` names
    the charts that a chart depends on by default and that the values of this project turn off.
    """

    path: str
    folder: str
    descriptions: bool = True
    without: tuple[str, ...] = ()


class Chart(_Entry):
    """A Helm chart: an OCI reference, or a name in `repository`; its exact version, and the images that it starts."""

    chart: str
    repository: str | None = None
    version: str
    source: str
    licence: str
    images: tuple[str, ...]
    module: GoModule | None = None
    notes: str = ""

    def image(self, name: str) -> str:
        """The reference of the image whose name ends in `/<name>`. LookupError says which there are."""
        found = {reference.rpartition("/")[2].partition(":")[0]: reference for reference in self.images}
        return _named(found, f"image of {self.chart}", name)


class Manifest(_Entry):
    """Kubernetes objects that their makers publish as files, such as a set of CRDs.

    `url` is the address of the file or, where `files` names several, of the folder that holds them.
    """

    url: str
    version: str
    files: tuple[str, ...] = ()
    source: str
    licence: str
    images: tuple[str, ...] = ()
    module: GoModule | None = None
    notes: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the makers publish the objects."""
        return tuple(f"{self.url}/{file}" for file in self.files) or (self.url,)


class Image(_Entry):
    """An image that a component of this project starts itself; `reference` has its tag."""

    reference: str
    source: str
    licence: str
    notes: str = ""


class Catalog(_Entry):
    """The whole file."""

    eks: Eks
    charts: dict[str, Chart]
    manifests: dict[str, Manifest] = {}
    images: dict[str, Image] = {}

    @pydantic.model_validator(mode="after")
    def _one_name_one_entry(self) -> Self:
        names = [*self.charts, *self.manifests, *self.images]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(repeated)}: the name of several entries; give each a name of its own")
        return self

    def names(self) -> frozenset[str]:
        """The names of all charts, manifests and images."""
        return frozenset((*self.charts, *self.manifests, *self.images))

    def images_of(self, name: str) -> tuple[str, ...]:
        """The references of the images of an entry, whatever it is. LookupError says what is known."""
        entries: dict[str, Chart | Manifest | Image] = {**self.charts, **self.manifests, **self.images}
        entry = _named(entries, "entry", name)
        return (entry.reference,) if isinstance(entry, Image) else entry.images

    def chart(self, name: str) -> Chart:
        """The chart of that name; LookupError says what is known."""
        return _named(self.charts, "chart", name)

    def manifest(self, name: str) -> Manifest:
        """The manifest of that name; LookupError says what is known."""
        return _named(self.manifests, "manifest", name)

    def image(self, name: str) -> Image:
        """The image of that name; LookupError says what is known."""
        return _named(self.images, "image", name)


def _named(entries: Mapping[str, T], kind: str, name: str) -> T:
    if name not in entries:
        raise LookupError(f"no {kind} {name!r} in {PATH.name}; known: {', '.join(sorted(entries)) or 'none'}")
    return entries[name]


@functools.cache
def load(path: pathlib.Path = PATH) -> Catalog:
    """Read the catalog. Raises pydantic.ValidationError where the file is not as described above."""
    return Catalog.model_validate(yaml.safe_load(path.read_text()))
