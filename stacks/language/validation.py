"""Validates a value from a stack file against a model, and finds all of its faults in one go.

pydantic checks a rule over several keys only when each key is sound by itself. So what is at fault is taken
out of a copy of the value and the rest is validated again, until nothing new is found. Nothing of this is
kept: a value with a fault gives no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stacks.language import schema
from stacks.language.faults import Fault, Path
from stacks.language.messages import faults_of

M = TypeVar("M", bound=BaseModel)

# Keys by which entries find each other: without them an entry is as good as absent.
_IDENTITY = ("name", "modelName")


def validate(model: type[M], value: Any) -> tuple[M | None, list[Fault]]:
    """The model, or None and every fault of the value, one for each path."""
    faults = {fault.path: fault for fault in _empty_keys(value, ())}
    removed: set[Path] = set()
    for path in faults:
        _remove(path, model, value, removed)
    while True:
        rest = _without(value, (), removed)
        try:
            result = model.model_validate(rest)
        except ValidationError as error:
            found = [_in_whole(fault, value, removed) for fault in faults_of(error, model, rest)]
        else:
            return (None, list(faults.values())) if faults else (result, [])
        before = len(removed)
        for fault in found:
            if not _is_consequence(fault, removed):
                faults.setdefault(fault.path, fault)
        for fault in found:
            _remove(fault.path, model, value, removed)
        if len(removed) == before:
            return None, list(faults.values())


def _empty_keys(value: Any, path: Path) -> Iterator[Fault]:
    """Keys without a value. YAML makes them null, which would pass for "not given"."""
    for key in _keys(value):
        inner = value[key]
        if inner is None:
            yield Fault(path=(*path, key), message="has no value; write one, or remove the key")
        yield from _empty_keys(inner, (*path, key))


def _keys(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _without(value: Any, path: Path, removed: set[Path]) -> Any:
    """A copy of the value without what was removed; lists close up."""
    kept = [key for key in _keys(value) if (*path, key) not in removed]
    if isinstance(value, dict):
        return {key: _without(value[key], (*path, key), removed) for key in kept}
    if isinstance(value, list):
        return [_without(value[key], (*path, key), removed) for key in kept]
    return value


def _in_whole(fault: Fault, value: Any, removed: set[Path]) -> Fault:
    """A fault of the reduced copy with its paths in the whole value."""

    def whole(path: Path) -> Path:
        result: Path = ()
        inner = value
        for key in path:
            if isinstance(key, int):
                key = [index for index in _keys(inner) if (*result, index) not in removed][key]
            result, inner = (*result, key), schema.child(inner, key)
        return result

    return fault.moved(whole)


def _is_consequence(fault: Fault, removed: set[Path]) -> bool:
    """Whether a fault may come from what was removed, rather than from the file."""

    def starts(path: Path, start: Path) -> bool:
        return path[: len(start)] == start

    incomplete = any(starts(list_, gone) or gone[:-1] == list_ for list_ in fault.complete for gone in removed)
    touched = any(starts(path, gone) or starts(gone, path) for path in fault.untouched for gone in removed)
    return incomplete or touched


def _remove(path: Path, model: schema.Model, value: Any, removed: set[Path]) -> None:
    """Takes out the smallest part around a fault that can be missed: an optional key, else a list's entry."""
    for length in range(len(path), 0, -1):
        parent, key = path[: length - 1], path[length - 1]
        holder = value
        for step in parent:
            holder = schema.child(holder, step)
        if key in _keys(holder) and (isinstance(key, int) or _is_optional(parent, key, model, value)):
            removed.add(path[:length])
            return


def _is_optional(parent: Path, key: str, model: schema.Model, value: Any) -> bool:
    fields = [
        field
        for one in schema.types_at(model, parent, value)
        if schema.is_model(one) and (field := schema.fields_by_key(one).get(key))
    ]
    # A key that no model knows, or one of a free mapping such as env, is missed by nobody.
    return key not in _IDENTITY and not any(field.is_required() for field in fields)
