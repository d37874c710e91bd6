"""Image references: how the pack tells a fixed image from a moving one, and a known one from a stranger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from images import content_tag, sample_images
from policy.rules.values import mappings

ROOT = Path(__file__).resolve().parents[2]
# The environment's own registries: the embedded cluster's, and ECR of any account and region.
OWN_REGISTRIES = ("localhost/*", "*.dkr.ecr.*.amazonaws.com/*")


@dataclass(frozen=True, kw_only=True)
class Image:
    """A reference in its parts: `<repository>[:<tag>][@<digest>]`."""

    repository: str
    tag: str | None
    digest: str | None


def parse(reference: str) -> Image:
    rest, _, digest = reference.partition("@")
    head, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return Image(repository=f"{head}{slash}{name}", tag=tag or None, digest=digest or None)


def references(document: object) -> Iterator[str]:
    """Every image in a catalog: the values of `image:` and `reference:`, the items of `images:`, at any depth."""
    for mapping in mappings(document):
        found: list[Any] = [mapping.get("image"), mapping.get("reference")]
        listed = mapping.get("images")
        if isinstance(listed, dict):
            found += listed.values()
        elif isinstance(listed, list):
            found += listed
        yield from (item for item in found if isinstance(item, str))


@cache
def catalog() -> frozenset[str]:
    """The images of catalog.yaml at the repository root; none when a checkout has no catalog."""
    path = ROOT / "catalog.yaml"
    if not path.is_file():
        return frozenset()
    return frozenset(references(yaml.safe_load(path.read_text())))


def in_catalog(reference: str, known: frozenset[str]) -> bool:
    """Whether a reference is one of the catalog's, or that one behind the prefix of a mirror."""
    return any(reference == entry or reference.endswith(f"/{entry}") for entry in known)


def from_registry(reference: str, registries: Sequence[str]) -> bool:
    return any(fnmatchcase(reference, pattern) for pattern in registries)


@cache
def _content_tags() -> dict[str, str]:
    return {name: content_tag(name) for name in sample_images()}


def is_sample(reference: str, registries: Sequence[str]) -> bool:
    """Whether it is a sample image of this checkout, from the environment's own registry.

    The tag of a sample image is the hash of its build context. It is computed here once more: a tag that only
    looks like one does not pass.
    """
    image = parse(reference)
    name = image.repository.rpartition("/")[2]
    return from_registry(reference, registries) and image.tag == _content_tags().get(name, "")
