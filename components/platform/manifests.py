"""Streams of Kubernetes objects in YAML, as their makers publish them."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """Takes a plain `=`, which some enumerations have, for the text that it is."""


_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_scalar)


def objects(stream: str) -> list[dict[str, Any]]:
    """The objects of a YAML stream, those of lists among them."""
    found: list[dict[str, Any]] = []
    for document in yaml.load_all(stream, _Loader):
        if document and document.get("kind") == "List":
            found += document["items"]
        elif document:
            found.append(document)
    return found
