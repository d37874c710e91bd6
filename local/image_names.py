"""Names of the container images of an embedded cluster, and the archives in the cache that hold them."""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import images as samples
from local.errors import Failure
from local.node.settings import PAUSE_IMAGE
from local.paths import cache_folder

REGISTRY = "localhost/ml-platform"
#: What every embedded cluster has images of: the samples of a stack that has no engine.
SAMPLES = ("trainer", "predictor")


@dataclass(frozen=True, kw_only=True)
class Base:
    """A minimal Debian to build sample images on, in place of the one of a registry that a Dockerfile names.

    `python`: that of the suite, for which wheels are chosen whatever Python this machine has. `packages`: what the
    registry's image has besides Debian itself.
    """

    suite: str
    python: str
    packages: tuple[str, ...]

    @property
    def reference(self) -> str:
        return f"{REGISTRY}/base:{hashlib.sha256(repr((self.suite, self.packages)).encode()).hexdigest()[:12]}"


#: By what the default of BASE in a Dockerfile ends with.
BASES = {
    "python:3.11-slim-bookworm": Base(
        suite="bookworm",
        python="3.11",
        packages=("ca-certificates", "python3", "python3-pip", "python3-venv", "libgomp1"),
    ),
    "debian:trixie-slim": Base(suite="trixie", python="3.13", packages=("ca-certificates",)),
}
BASE_IMAGE = BASES["python:3.11-slim-bookworm"].reference


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image by its full reference, and the archive that holds it."""

    reference: str

    @property
    def archive(self) -> Path:
        name, _, tag = self.reference.rpartition("/")[2].partition(":")
        return cache_folder() / "images" / f"{name}-{tag}.tar"


def system_image(module: str, programs: Mapping[str, Path]) -> str:
    """The reference of the image that holds one of the cluster's tools, such as `coredns`.

    The tag is that of the tool's folder in the cache, version and key: a tool that is built anew is a new image.
    """
    return f"{REGISTRY}/{module}:{programs[module].parent.name.removeprefix(f'{module}-')}"


#: The tools that run as pods: image name (a tool's module) and the program in it.
SYSTEM_IMAGES = ("coredns", "metrics-server", "local-path-provisioner")


def wanted(programs: Mapping[str, Path], names: Collection[str] = SAMPLES) -> list[Image]:
    """All images that an embedded cluster with these sample images needs, at this moment's content of `images/`."""
    references = [
        PAUSE_IMAGE,
        BASE_IMAGE,
        *(system_image(module, programs) for module in SYSTEM_IMAGES),
        *(sample_reference(name) for name in names),
    ]
    return [Image(reference=reference) for reference in references]


def sample_reference(name: str) -> str:
    return f"{REGISTRY}/{name}:{samples.content_tag(name)}"


def base_of(name: str) -> Base:
    """The base of a sample image, by the default of BASE in its Dockerfile."""
    found = re.search(r"^ARG BASE=(\S+)$", (samples.CONTEXT / name / "Dockerfile").read_text(), re.MULTILINE)
    if found is None or found[1] not in BASES:
        raise Failure(
            f"the Dockerfile of the sample image {name} has no base that can be made here",
            f"begin it with ARG BASE= and one of {', '.join(BASES)}",
        )
    return BASES[found[1]]
