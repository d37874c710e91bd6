"""Writes the reference of the stack config from the models: `python -m stacks.reference > docs/configuration.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from inspect import get_annotations
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stacks.language import schema
from stacks.language.faults import PROJECT
from stacks.language.model import Rule
from stacks.stack_keys import ROOTS

_INTRODUCTION = """\
# Stack configuration

Generated from the models in `stacks/` by `python -m stacks.reference > docs/configuration.md`; do not edit.

A stack file `Pulumi.<stack>.yaml` holds one of the keys below under `config:`. `Pulumi.dev.yaml` is an example.
`python -m stacks.check FILE…` checks files without Pulumi and without a cluster. It reports every fault with its line,
its key path and a remedy.

Write plain YAML: no anchors, no tags, no keys without a value. Quote a text that looks like a number or a date.
A key whose default is "as below" has a section of its own.
"""

_WORDS = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`"}


def reference() -> str:
    """The whole page."""
    rules: dict[str, Rule] = {}
    parts = [_INTRODUCTION]
    # Models that several roots share are described once, under the first of them.
    described: dict[schema.Model, str] = {}
    for name, root in ROOTS.items():
        parts.append(f"## `{PROJECT}:{name}`\n\n{_table(root, rules)}")
        below = _below(root, "")
        shared = {paths[0]: described[model] for model, paths in below.items() if model in described}
        for model, paths in below.items():
            if model in described:
                continue
            described[model] = paths[0]
            kind = schema.kind_of(model)
            title = f"### `{paths[0]}`" + (f", `kind: {kind}`" if kind else "")
            also = f"The same under {_list(paths[1:])}.\n\n" if paths[1:] else ""
            parts.append(f"{title}\n\n{also}{_table(model, rules)}")
        top = {path: other for path, other in shared.items() if not any(path.startswith(f"{one}.") for one in shared)}
        if top:
            parts.append(f"{_list(top)} have the keys of {_list(dict.fromkeys(top.values()))} above.\n")
    rows = [f"| {rule.label} | {rule.written} |" for _, rule in sorted(rules.items()) if rule.written]
    parts.append("\n".join(["## Types", "", "| type | what to write |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def _list(paths: Iterable[str]) -> str:
    *most, last = (f"`{path}`" for path in paths)
    return f"{', '.join(most)} and {last}" if most else last


def _below(model: schema.Model, path: str) -> dict[schema.Model, list[str]]:
    """The models below a model, in the order of their keys, with the paths at which they appear."""
    found: dict[schema.Model, list[str]] = {}
    for key, field in schema.fields_by_key(model).items():
        for inner, suffix in _inner_models(field.annotation):
            here = f"{path}{key}{suffix}"
            for below, paths in ((inner, [here]), *_below(inner, f"{here}.").items()):
                known = found.setdefault(below, [])
                known += [one for one in paths if one not in known]
    return found


def _inner_models(annotation: Any) -> Iterator[tuple[schema.Model, str]]:
    """The models that a value may hold, with what stands between its key and theirs."""
    for one in schema.alternatives(annotation):
        if schema.is_model(one):
            yield one, ""
        elif (item := schema.item_type(one)) is not None:
            suffix = "[]" if get_origin(one) is tuple else ".<name>"
            yield from ((model, suffix + more) for model, more in _inner_models(item))


def _table(model: schema.Model, rules: dict[str, Rule]) -> str:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    fields = schema.fields_by_key(model)
    names = {field.alias or name: name for name, field in model.model_fields.items()}
    # A model's own keys come first, then those of its nearest base.
    depths = {name: depth for depth, one in reversed([*enumerate(model.__mro__)]) for name in get_annotations(one)}
    for key in sorted(fields, key=lambda key: depths[names[key]]):
        field = fields[key]
        words = _type(field.annotation, field.metadata, rules)
        rows.append(f"| `{key}` | {words} | {_default(field)} | {field.description or ''} |")
    summary = (model.__doc__ or "").strip().partition("\n\n")[0]
    return "\n".join([summary, "", *rows, ""])


def _type(annotation: Any, metadata: list[Any], rules: dict[str, Rule]) -> str:
    for one in metadata:
        if isinstance(one, Rule):
            rules[one.label] = one
            return one.label
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], list(arguments[1:]), rules)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_plural(_type(arguments[0], [], rules))}"
    if schema.item_type(annotation) is not None:
        return f"mapping of {_type(arguments[0], [], rules)} to {_type(arguments[1], [], rules)}"
    if arguments:
        words = [_type(one, [], rules) for one in arguments if one is not type(None)]
        return " or ".join(dict.fromkeys(words)) + _range(metadata)
    if schema.is_model(annotation):
        return "mapping"
    return _WORDS[annotation] + _range(metadata)


def _plural(words: str) -> str:
    if "`" in words or words.startswith("mapping of"):
        return words
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("s") else f"{words}s"


def _range(metadata: list[Any]) -> str:
    least = next((one.ge for one in metadata if isinstance(one, Ge)), None)
    most = next((one.le for one in metadata if isinstance(one, Le)), None)
    return "" if least is None and most is None else f", {least} to {most}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default()
    if isinstance(value, BaseModel):
        return "as below"
    if value is None or value in ((), {}):
        return "–"
    labels = [one.label for one in field.metadata if isinstance(one, Rule)]
    if isinstance(value, int | float) and ("duration" in labels or "latency bound" in labels):
        return f"`{_time(value)}`"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


def _time(seconds: float) -> str:
    """A time as a stack file writes it, in the largest unit that divides it."""
    milliseconds = round(seconds * 1000)
    units = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
    unit = next(name for name, length in units.items() if milliseconds % length == 0)
    return f"{milliseconds // units[unit]}{unit}"


if __name__ == "__main__":
    sys.stdout.write(reference())
