"""What `image:` may say, and the reference that it becomes (docs/concepts/contracts.md, "Image names")."""

from __future__ import annotations

import re
from typing import Annotated

import images
from stacks.language.model import Rule, did_you_mean, shown

_HOST_PART = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"{_HOST_PART}(?:\.{_HOST_PART})*(?::[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
REGISTRY = re.compile(rf"{_HOST}(?:/{_PART})*")


def is_sample(image: str) -> bool:
    """Whether it is the short name of a sample image of this repository."""
    return "/" not in image and ":" not in image and "@" not in image


def check_image(value: object) -> str:
    """A sample's name, or a reference with a tag or digest that does not move."""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not an image; write a reference such as registry.example/team/name:1.4.2")
    if is_sample(value):
        known = images.sample_images()
        if value not in known:
            hint = did_you_mean(value, known)
            remedy = f"the samples are {', '.join(known)}, and an image of your own needs a tag or digest{hint}"
            raise ValueError(f"{shown(value)} is not a sample image; {remedy}")
        return value
    match = _REFERENCE.fullmatch(value)
    if match is None or len(match["name"]) > 255:
        remedy = "write registry/name:tag or registry/name@sha256:digest, the name in lower case"
        raise ValueError(f"{shown(value)} is not an image reference; {remedy}")
    if match["digest"] is None and match["tag"] in (None, "latest"):
        what = "has no tag" if match["tag"] is None else 'has the tag "latest", which moves'
        raise ValueError(f"{shown(value)} {what}; name a version (name:1.4.2) or a digest (name@sha256:…)")
    return value


def check_registry(value: object) -> str:
    if not isinstance(value, str) or not REGISTRY.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a registry; write a host and a path, such as localhost/ml-platform")
    return value


Image = Annotated[
    str,
    Rule(
        "image",
        check_image,
        "a sample by the name of its folder in `images/`, or a reference with a tag other than `latest` or a digest",
    ),
]
Registry = Annotated[str, Rule("registry", check_registry, "a host and a path: `localhost/ml-platform`")]


def resolve_image(image: str, registry: str) -> str:
    """The reference that pods use: a sample by its content hash in `registry`, anything else as it is."""
    return f"{registry}/{image}:{images.content_tag(image)}" if is_sample(image) else image
