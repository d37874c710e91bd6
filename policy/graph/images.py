"""Image references: which are fixed, and which are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from images import content_tag, sample_images
from policy.graph.values import mappings

ROOT = Path(__file__).resolve().parents[2]


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
    """The images of catalog.yaml at the repository root; none when the checkout has no catalog."""
    path = ROOT / "catalog.yaml"
    if not path.is_file():
        return frozenset()
    return frozenset(references(yaml.safe_load(path.read_text())))


def in_catalog(reference: str, known: frozenset[str]) -> bool:
    """Whether a reference is in the catalog, possibly behind the prefix of a mirror."""
    return any(reference == entry or reference.endswith(f"/{entry}") for entry in known)


def from_registry(reference: str, registries: Sequence[str]) -> bool:
    return any(fnmatchcase(reference, pattern) for pattern in registries)


@cache
def _content_tags() -> dict[str, str]:
    return {name: content_tag(name) for name in sample_images()}


def is_sample(reference: str, registries: Sequence[str]) -> bool:
    """Whether it is a sample image of this checkout, from the environment's own registry.

    The tag of a sample image is the hash of its build context. It is computed here again, so a tag that only looks like
    one does not pass.
    """
    image = parse(reference)
    name = image.repository.rpartition("/")[2]
    return from_registry(reference, registries) and image.tag == _content_tags().get(name, "")
