"""Input values as the engine writes them into JSON: secrets and unknown values are marked by fixed strings."""

from __future__ import annotations

from typing import Any, cast

from pulumi_policy import proxy

# The engine's marks of a secret (the SDK keeps them private), and what stands for a secret here.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105
SECRET = "[secret]"  # noqa: S105
# What the engine writes for a value that only the update will know.
UNKNOWNS = frozenset(
    {
        proxy.UNKNOWN_BOOLEAN_VALUE,
        proxy.UNKNOWN_NUMBER_VALUE,
        proxy.UNKNOWN_STRING_VALUE,
        proxy.UNKNOWN_ARRAY_VALUE,
        proxy.UNKNOWN_ASSET_VALUE,
        proxy.UNKNOWN_ARCHIVE_VALUE,
        proxy.UNKNOWN_OBJECT_VALUE,
    }
)


def blind(value: Any) -> Any:
    """A value as the program wrote it, at any depth: secrets blinded, unknown values None."""
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if mapping.get(SIGNATURE) == SECRET_SIGNATURE:
            return SECRET
        return {key: blind(item) for key, item in mapping.items() if key != "__defaults"}
    if isinstance(value, list):
        return [blind(item) for item in cast("list[Any]", value)]
    return None if isinstance(value, str) and value in UNKNOWNS else value
