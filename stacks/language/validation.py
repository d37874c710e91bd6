"""Reads a value from a stack file into a model, and finds all of its faults in one go.

pydantic checks a rule over several keys only when each key is sound by itself. So what is at fault is taken
out of a copy of the value and the rest is read again, until nothing new is found. What could be read in the end is for
the checks of the whole file (`stacks.language.checking`); nobody else gets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from stacks.language import schema
from stacks.language.faults import Fault, Path
from stacks.language.messages import findings_of
from stacks.language.paths import follows

M = TypeVar("M", bound=BaseModel)

# Keys by which entries find each other: nothing refers to an entry without them.
_IDENTITY = ("name", "modelName")


@dataclass(kw_only=True)
class Reading(Generic[M]):
    """What could be read of a value: a model without what was `removed`, None where too little is left.

    faults: those of the value by their paths, one for each.
    """

    value: Any
    model: M | None = None
    faults: dict[Path, Fault] = field(default_factory=dict)
    removed: set[Path] = field(default_factory=set)

    def in_whole(self, path: Path) -> Path:
        """A path into what is left, as one into the whole value: entries of lists count those before them too."""
        result: Path = ()
        inner = self.value
        for key in path:
            if isinstance(key, int):
                key = [index for index in _keys(inner) if (*result, index) not in self.removed][key]
            result, inner = (*result, key), schema.child(inner, key)
        return result


def read(model: type[M], value: Any) -> Reading[M]:
    """Reads a value by itself: its types, and the rules of each model over its own keys."""
    reading = Reading[M](value=value)
    for fault in _empty_keys(value, ()):
        reading.faults[fault.path] = fault
        _remove(fault.path, model, value, reading.removed)
    while True:
        rest = _without(value, (), reading.removed)
        try:
            reading.model = model.model_validate(rest)
            return reading
        except ValidationError as error:
            found = [
                (replace(fault, path=reading.in_whole(fault.path)), [reading.in_whole(path) for path in reads])
                for fault, reads in findings_of(error, model, rest)
            ]
        before = len(reading.removed)
        for fault, reads in found:
            if not follows(reads, reading.removed):
                reading.faults.setdefault(fault.path, fault)
        for fault, _ in found:
            _remove(fault.path, model, value, reading.removed)
        if len(reading.removed) == before:
            return reading


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
