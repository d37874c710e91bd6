"""Walks the config models along a path of keys, for error messages and for the reference."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stacks.language.faults import Path

Model = type[BaseModel]


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, without None and without `Annotated`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(one for part in get_args(annotation) for one in alternatives(part))
    return () if annotation is type(None) else (annotation,)


def is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def fields_by_key(model: Model) -> dict[str, FieldInfo]:
    """A model's fields by the key that the file uses."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def kind_of(model: Model) -> str | None:
    """What `kind:` says for this model, where that tells it from others."""
    kind = model.model_fields.get("kind")
    kinds = get_args(kind.annotation) if kind and get_origin(kind.annotation) is Literal else ()
    return kinds[0] if len(kinds) == 1 else None


def _chosen(models: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    """Of a union's models, the one whose `kind` the value names, otherwise that of the default, otherwise all."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind is None:
        return tuple(one for one in models if is_model(one) and _is_default(one)) or models
    return tuple(one for one in models if is_model(one) and kind_of(one) == kind) or models


def _is_default(model: Model) -> bool:
    """Whether it is the model of a union that is meant where the file says no `kind`."""
    return kind_of(model) is not None and not model.model_fields["kind"].is_required()


def item_type(annotation: Any) -> Any:
    """The type of a list's entries or a mapping's values; None for anything else."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        return arguments[0]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1]
    return None


def types_at(root: Any, path: Path, value: Any) -> tuple[Any, ...]:
    """The types that the models allow at a path into `value`; none where the path leaves the models."""
    found = alternatives(root)
    for key in path:
        inner: list[Any] = []
        for one in _chosen(found, value):
            if is_model(one):
                field = fields_by_key(one).get(str(key))
                inner += alternatives(field.annotation) if field else ()
            elif (item := item_type(one)) is not None:
                inner += alternatives(item)
        found = tuple(inner)
        value = child(value, key)
    return _chosen(found, value)


def child(value: Any, key: str | int) -> Any:
    """What lies under a key or index; None where there is nothing."""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None
