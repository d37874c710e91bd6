"""Turns pydantic's errors into faults: our path, and a message with a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stacks.language import schema
from stacks.language.faults import Fault, Finding, FindingsError, Path
from stacks.language.model import did_you_mean, shown


def findings_of(error: ValidationError, root: schema.Model, value: Any) -> list[Finding]:
    """What a validation of `value` by `root` found."""
    return [found for details in error.errors(include_url=False) for found in _findings_of_one(details, root, value)]


def _findings_of_one(details: ErrorDetails, root: schema.Model, value: Any) -> list[Finding]:
    path = _own_path(details["loc"], root, value)
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, FindingsError):
        return [Finding(fault.under(path), tuple((*path, *read) for read in reads)) for fault, reads in cause.found]
    if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
        path = (*path, "kind")
    return [Finding(Fault(path=path, message=_message(details, path, root, value)))]


def _own_path(loc: Path, root: schema.Model, value: Any) -> Path:
    """pydantic's location without what is no key of the file: a union's tag, the mark of a mapping's key."""
    path: list[str | int] = []
    inner = value
    for key in loc:
        is_tag = isinstance(inner, dict) and key not in inner and _tag(tuple(path), root, value) == key
        if key == "[key]" or is_tag:
            continue
        path.append(key)
        inner = schema.child(inner, key)
    return tuple(path)


def _tag(path: Path, root: schema.Model, value: Any) -> str | None:
    """The kind of the model at a path where the file's words, or a default, choose one of several."""
    models = _models(path, root, value)
    return schema.kind_of(models[0]) if len(models) == 1 else None


def _message(details: ErrorDetails, path: Path, root: schema.Model, value: Any) -> str:
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    match kind:
        case "value_error":
            return str(context["error"])
        case "missing":
            return f"is required: {_description(path, root, value)}"
        case "extra_forbidden":
            return _unknown_key(path, root, value)
        case "union_tag_not_found":
            kinds = ", ".join(_kinds(path[:-1], root, value))
            return f"is required: one of {kinds}"
        case "union_tag_invalid":
            kinds = _kinds(path[:-1], root, value)
            tag = str(context["tag"])
            return f"{shown(tag)} is not allowed; write one of {', '.join(kinds)}{did_you_mean(tag, kinds)}"
        case "literal_error":
            return f"{shown(given)} is not allowed; write {context['expected']}"
        case "greater_than_equal":
            return f"{shown(given)} is too small; write at least {context['ge']}"
        case "less_than_equal":
            return f"{shown(given)} is too large; write at most {context['le']}"
        case "too_short":
            return f"has too few entries; write at least {context['min_length']}"
        case "too_long":
            return f"has too many entries; write at most {context['max_length']}"
        case _:
            # What remains are wrong types. The value stays out: it may be a secret in the wrong place.
            return f"is {_yaml_type(given)}; {_WANTED.get(kind, details['msg'])}"


_MAPPING = "write a mapping, `key: value`"
_WANTED: Mapping[str, str] = {
    "string_type": "write a text; quotes make one of a number, true or false",
    "int_type": "write a whole number without quotes",
    "int_from_float": "write a whole number",
    "bool_type": "write true or false, without quotes",
    "tuple_type": "write a list, each entry after a '-'",
    "mapping_type": _MAPPING,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}


def _yaml_type(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number with decimals"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "nothing"


def _models(path: Path, root: schema.Model, value: Any) -> list[schema.Model]:
    return [one for one in schema.types_at(root, path, value) if schema.is_model(one)]


def _kinds(path: Path, root: schema.Model, value: Any) -> list[str]:
    return [kind for model in _models(path, root, value) if (kind := schema.kind_of(model))]


def _description(path: Path, root: schema.Model, value: Any) -> str:
    fields = [schema.fields_by_key(model).get(str(path[-1])) for model in _models(path[:-1], root, value)]
    text = next((field.description for field in fields if field and field.description), "")
    return text[:1].lower() + text[1:].rstrip(".")


def _unknown_key(path: Path, root: schema.Model, value: Any) -> str:
    known = [key for model in _models(path[:-1], root, value) for key in schema.fields_by_key(model)]
    # A key that is set is not a likely meaning of this one.
    siblings = value
    for key in path[:-1]:
        siblings = schema.child(siblings, key)
    free = [key for key in known if key not in siblings] if isinstance(siblings, dict) else known
    hint = did_you_mean(str(path[-1]), free)
    return f"is not a known key{hint}" if hint else f"is not a known key; known are {', '.join(dict.fromkeys(known))}"
