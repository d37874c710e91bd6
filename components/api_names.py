"""Pieces of objects with the names that the Kubernetes API has, for custom resources.

The SDK's own classes translate `image_pull_policy` to `imagePullPolicy`; a custom resource takes its spec as it is.
"""

from __future__ import annotations

from typing import Any

# What these hold are names of labels, variables or resources, which are nobody's to translate.
_VERBATIM = frozenset({"annotations", "labels", "limits", "match_labels", "node_selector", "requests"})


def api_names(value: Any) -> Any:
    """The same dictionaries and lists with the API's names of their keys."""
    if isinstance(value, dict):
        pairs: dict[str, Any] = value
        return {_api_name(key): inner if key in _VERBATIM else api_names(inner) for key, inner in pairs.items()}
    if isinstance(value, list | tuple):
        items: list[Any] | tuple[Any, ...] = value
        return [api_names(item) for item in items]
    return value


def _api_name(key: str) -> str:
    # The SDK ends names that are words of Python with `_`, such as `exec_`.
    first, *rest = key.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)
