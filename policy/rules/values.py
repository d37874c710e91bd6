"""Reading the inputs of a resource, some of which are not known before the update.

A rule never reports what it cannot know: an unknown value passes in the preview. The update runs the same
rules again before each resource is made, and then knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

Props = Mapping[str, Any]


class Unknown:
    """A value that only the update can tell. It is true, and equal to nothing."""

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
    """Whether a flag is known to be on. Some AWS flags are strings."""
    return value is True or value == "true"


def no(value: object) -> bool:
    """Whether a flag is known to be off or missing."""
    return value is not UNKNOWN and not yes(value)


def statements(document: object) -> list[dict[str, Any]]:
    """The statements of an IAM policy document, given as JSON text or as a mapping; none if it is unknown.

    Raises ValueError with the reason for text that is no JSON object: AWS would refuse it too.
    """
    if isinstance(document, str):
        document = json.loads(document)
        if not isinstance(document, dict):
            raise ValueError(f"a policy document must be a JSON object, not {type(document).__name__}")
    found = each(get(document, "Statement"))
    return [cast("dict[str, Any]", statement) for statement in found if isinstance(statement, dict)]


def mappings(value: object) -> Iterator[dict[str, Any]]:
    """Every mapping in a value, at any depth, outermost first."""
    if isinstance(value, Mapping):
        yield cast("dict[str, Any]", value)
        for item in cast("Props", value).values():
            yield from mappings(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from mappings(item)
