"""Where an environment takes the charts, manifests and images of catalog.yaml from."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from stacks.language.images import REGISTRY
from stacks.language.model import ConfigModel, Rule, shown

#: The prefix of the mirror's images on the embedded cluster, which `make mirror` builds.
EMBEDDED_IMAGES = "localhost/ml-platform/mirror"
#: Names the folder of that mirror's charts and manifests.
EMBEDDED_VARIABLE = "ML_PLATFORM_MIRROR"

_OCI = "oci://"


def _source(value: object, what: str, schemes: tuple[str, ...]) -> str:
    """A folder, or an address with one of `schemes`."""
    allowed = f"write the path of a folder, or {' or '.join(f'{scheme}host/path' for scheme in schemes)}"
    if not isinstance(value, str) or not value.strip() or "\x00" in value:
        raise ValueError(f"{shown(value)} is not a place of {what}; {allowed}")
    scheme, separator, rest = value.partition("://")
    if separator:
        if f"{scheme}://" not in schemes:
            raise ValueError(f"{shown(value)}: {what} are not taken from {scheme}://; {allowed}")
        if not REGISTRY.fullmatch(rest):
            raise ValueError(f"{shown(value)} is not an address of {what}; {allowed}, without '/' or a tag at its end")
        return value
    first, slash, _ = value.partition("/")
    if slash and re.search(r"\w[.:]\w", first):
        raise ValueError(f"{shown(value)} looks like a registry; write {shown(schemes[0] + value)}, or a path with ./")
    return value


def check_chart_source(value: object) -> str:
    return _source(value, "charts", (_OCI,))


def check_manifest_source(value: object) -> str:
    return _source(value, "manifests", ("https://",))


def check_image_prefix(value: object) -> str:
    rule = "write a host and a path, such as registry.example.com/mirror"
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{shown(value)} is not a prefix of images; {rule}")
    without_scheme = value.partition("://")[2] or value
    if without_scheme != value:
        raise ValueError(f"{shown(value)} has a scheme, which no image has; did you mean {without_scheme!r}?")
    if value.endswith("/"):
        raise ValueError(f"{shown(value)} ends with '/'; did you mean {value.rstrip('/')!r}?")
    host = value.partition("/")[0]
    if not REGISTRY.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a prefix of images; {rule}, in lower case and without a tag")
    if "." not in host and ":" not in host and host != "localhost":
        raise ValueError(f"{shown(value)} has no host: images would come from Docker Hub; {rule}")
    return value


ChartSource = Annotated[
    str, Rule("chart source", check_chart_source, "the path of a folder, or an OCI registry: `oci://host/path`")
]
ManifestSource = Annotated[
    str,
    Rule("manifest source", check_manifest_source, "the path of a folder, or an address: `https://host/path`"),
]
ImagePrefix = Annotated[
    str, Rule("image prefix", check_image_prefix, "a host and a path: `registry.example.com/mirror`")
]


class Mirror(ConfigModel):
    """A mirror of the catalog: the same versions from your own source, as in a network without internet access."""

    charts: ChartSource | None = Field(
        default=None,
        description="Folder with `charts/<name>-<version>.tgz`, or OCI registry that has the charts under their "
        "names. A path is relative to the repository. Default: the source in the catalog.",
    )
    manifests: ManifestSource | None = Field(
        default=None,
        description="Folder or URL of `<name>-<version>.yaml`. Default: `manifests` in the folder of the charts, or"
        " the source in the catalog.",
    )
    images: ImagePrefix | None = Field(
        default=None,
        description="Prefix of the name of each image: `quay.io/x/y:v1` becomes `<images>/quay.io/x/y:v1`.",
    )


class CatalogSources(ConfigModel):
    """Where charts, manifests and images of `catalog.yaml` come from."""

    mirror: Mirror = Field(
        default=Mirror(),
        description="A mirror. The embedded cluster has its own (`make mirror`), which this replaces.",
    )
