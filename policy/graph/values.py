"""Reading the inputs of a resource, some of which are unknown before the update.

A rule never reports what it cannot know: an unknown value passes in the preview. The update runs the same rules again
before it creates each resource, and knows the value then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any, cast

Props = Mapping[str, Any]


class Unknown:
    """A value that only the update will know. It is true, and equal to nothing."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


def get(value: object, *path: str) -> Any:
    """The value at a path of keys; None where it ends early, `UNKNOWN` where it meets an unknown."""
    for key in path:
        if value is UNKNOWN:
            return UNKNOWN
        if not isinstance(value, Mapping):
            return None
        value = cast("Props", value).get(key)
    return value


def each(value: object) -> list[Any]:
    """The items of a list; a single value counts as a list of one, None and unknown as an empty one."""
    if value is None or value is UNKNOWN:
        return []
    if isinstance(value, list | tuple):
        return [item for item in cast("list[Any]", value) if item is not UNKNOWN]
    return [value]


def may_hold(value: object, item: object) -> bool:
    """Whether a list has an item, or may have it once its unknown parts are known."""
    if value is UNKNOWN:
        return True
    return isinstance(value, list | tuple) and any(found is UNKNOWN or found == item for found in value)


def differs(value: object, *allowed: object) -> bool:
    """Whether a value is known and none of the allowed ones. A missing value (None) is known."""
    return value is not UNKNOWN and value not in allowed


def yes(value: object) -> bool:
    """Whether a flag is known to be on. Some providers write flags as strings."""
    return value is True or value == "true"


def no(value: object) -> bool:
    """Whether a flag is known to be off or missing."""
    return value is not UNKNOWN and not yes(value)


def mappings(value: object) -> Iterator[dict[str, Any]]:
    """Every mapping in a value, at any depth, outermost first."""
    yield from (mapping for _, mapping in named_mappings(value, ""))


def holds_unknown(value: object) -> bool:
    """Whether a value, or a part of it at any depth, is unknown."""
    if isinstance(value, Mapping):
        return any(holds_unknown(item) for item in cast("Props", value).values())
    if isinstance(value, list | tuple):
        return any(holds_unknown(item) for item in cast("list[Any]", value))
    return value is UNKNOWN


def named_mappings(value: object, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping in a value, at any depth, with its `name`, otherwise the key under which it stands."""
    if isinstance(value, Mapping):
        mapping = cast("dict[str, Any]", value)
        own = mapping.get("name")
        yield (own if isinstance(own, str) else name), mapping
        for key, item in mapping.items():
            yield from named_mappings(item, key)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from named_mappings(item, name)


def is_world(cidr: object) -> bool:
    """Whether a CIDR holds every address, or at least half of them (0.0.0.0/1 is a well-known way around)."""
    if not isinstance(cidr, str):
        return False
    try:
        return ip_network(cidr, strict=False).prefixlen <= 1
    except ValueError:
        return False
