"""Kubernetes objects: what the program says of them beside what an API server keeps."""

from __future__ import annotations

from typing import Any


def differences(wanted: Any, kept: Any, path: str = "") -> list[str]:
    """Where `kept` lacks or changes what `wanted` says; what it says beside that does not count.

    An empty mapping says "all of them" in a selector: anything in it would be a change.
    """
    if wanted == {}:
        return [] if not kept else [f"{path}: {{}} became {kept!r}"]
    if isinstance(wanted, dict) and isinstance(kept, dict):
        return [fault for key, value in wanted.items() for fault in differences(value, kept.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(kept, list) and len(wanted) == len(kept):
        pairs = zip(wanted, kept, strict=True)
        return [fault for n, (a, b) in enumerate(pairs) for fault in differences(a, b, f"{path}[{n}]")]
    return [] if wanted == kept else [f"{path}: {wanted!r} became {kept!r}"]
