"""How a resource of the graph becomes a call of the AWS API: the conversion, by botocore's own model of the API.

A `shape` below is one of that model, of the classes in `botocore.model`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

Inputs = dict[str, Any]
# The id that the first call of a row gave back, as a property for the calls after it.
ID = "$id"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Call:
    """One API call of a resource.

    take: the properties that it carries; None for all that the row's other calls leave. rename: what the API calls
    them, where it is not the same word. constants: parameters that the resource's type implies. shape: for what is
    built up in another way, a function from the properties to parameters. tag_as: for EC2, which has tags by kind
    of resource.
    """

    service: str
    operation: str
    take: tuple[str, ...] | None = None
    rename: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    constants: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    shape: Callable[[Inputs], Inputs] | None = None
    tag_as: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """A type of resource. id, arn: where the first call's answer has them. ignored: properties that no call carries,
    and why. lacking: why moto cannot take the first call; it is then checked against the API's model only.
    """

    first: Call
    then: tuple[Call, ...] = ()
    id: str = ""
    arn: str = ""
    ignored: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    lacking: str = ""

    def calls(self) -> tuple[Call, ...]:
        return (self.first, *self.then)


def unused(row: Row, inputs: Inputs) -> set[str]:
    """Properties that no call of the row carries. Not to be: what is not sent is not checked."""
    if any(call.take is None for call in row.calls()):
        return set()
    taken = {key for call in row.calls() for key in call.take or ()}
    return set(inputs) - taken - set(row.ignored)


def parameters(call: Call, row: Row, inputs: Inputs, shape: Any) -> Inputs:
    """The parameters of a call. KeyError for a property that the API does not have."""
    others = {key for other in row.calls() if other is not call for key in other.take or ()}
    keys = call.take if call.take is not None else tuple(set(inputs) - others - set(row.ignored) - {ID})
    chosen = {key: inputs[key] for key in keys if inputs.get(key) is not None}
    if call.tag_as is not None:
        tags = [{"Key": key, "Value": value} for key, value in sorted(chosen.pop("tags", {}).items())]
        specification = {"TagSpecifications": [{"ResourceType": call.tag_as, "Tags": tags}]}
    else:
        specification = {}
    if call.shape is not None:
        chosen = call.shape(chosen)
    converted = _structure(chosen, shape, call.rename, call.operation)
    return {**converted, **specification, **call.constants}


def _structure(value: Inputs, shape: Any, rename: Mapping[str, str], where: str) -> Inputs:
    members = {name.lower(): name for name in shape.members}
    converted: Inputs = {}
    for key, inner in value.items():
        if inner is None:
            continue
        name = rename.get(key, key)
        if name.lower() not in members:
            raise KeyError(f"{where}: the API has no {name!r} (property {key!r}); it has {sorted(shape.members)}")
        member = members[name.lower()]
        converted[member] = _value(inner, shape.members[member], rename, f"{where}.{member}")
    return converted


def _value(value: Any, shape: Any, rename: Mapping[str, str], where: str) -> Any:
    match shape.type_name:
        case "structure" if isinstance(value, dict):
            return _structure(value, shape, rename, where)
        case "structure" if set(shape.members) == {"Value"}:
            return {"Value": value}
        case "list" if isinstance(value, dict) and shape.member.type_name == "structure":
            return _tags(value, shape.member)
        case "list":
            listed = value if isinstance(value, list) else [value]
            return [_value(one, shape.member, rename, f"{where}[]") for one in listed]
        case "map":
            return {key: _value(one, shape.value, rename, f"{where}.{key}") for key, one in value.items()}
        case "boolean":
            return {"true": True, "false": False}[value] if isinstance(value, str) else value
        case "integer" | "long" if isinstance(value, float) and value.is_integer():
            # Numbers come out of a registration as floats, whatever they were.
            return int(value)
        case _:
            return value


def _tags(value: dict[str, str], entry: Any) -> list[Inputs]:
    """Tags as a list of keys and values, under whatever names the service has for them."""
    key = next(name for name in entry.members if name.lower().endswith("key"))
    content = next(name for name in entry.members if name.lower().endswith("value"))
    return [{key: name, content: text} for name, text in sorted(value.items())]
