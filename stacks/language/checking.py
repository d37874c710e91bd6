"""Runs checks over all that could be read of a file. Each says where its arguments come from, and so what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic.alias_generators import to_snake

from stacks.language.faults import Fault, Path
from stacks.language.paths import follows, keys_of
from stacks.language.validation import Reading


@dataclass(frozen=True)
class Check:
    """A function that yields faults, and for each of its arguments the path of a value and what is read of it."""

    function: Callable[..., Iterable[Fault]]
    paths: Mapping[str, Path]
    reads: tuple[Path, ...]


def check(function: Callable[..., Iterable[Fault]], **sources: str) -> Check:
    """A check whose arguments are parts of the file, such as `teams="teams: [*].name, [*].queue"`.

    Before the colon is the part that is passed; None where the file has none. After it is what the function reads of
    it, else all, with the wildcards of `stacks.language.paths`. A part with a `?` at its end makes no fault by what
    is missing there. Where something that is read has a fault of its own, the check does not run, for what it would
    find may merely follow from that. The paths of its faults begin with the name of an argument.
    """
    paths: dict[str, Path] = {}
    reads: list[Path] = []
    for name, source in sources.items():
        text, _, parts = source.partition(":")
        path = paths[name] = keys_of(text.removesuffix("?"))
        if not text.endswith("?"):
            reads += [(*path, *keys_of(part.strip())) for part in parts.split(",")]
    return Check(function, paths, tuple(reads))


def faults_of(checks: Iterable[Check], reading: Reading[Any]) -> Iterator[Fault]:
    """What the checks find in what could be read, with paths in the whole file."""
    for one in checks:
        names = list(one.paths)
        for paths in _for_each((*one.paths.values(), *one.reads), reading.model):
            if follows(map(reading.in_whole, paths[len(names) :]), reading.removed):
                continue
            where = dict(zip(names, paths, strict=False))
            for fault in one.function(**{name: _value(reading.model, path) for name, path in where.items()}):
                name, *rest = fault.path
                yield replace(fault, path=reading.in_whole((*where[str(name)], *rest)))


def _for_each(paths: tuple[Path, ...], model: Any) -> Iterator[tuple[Path, ...]]:
    """The paths with an index for each `[i]`, the same in all of them, in turn for every entry of its list."""
    for path in paths:
        for place, key in enumerate(path):
            if isinstance(key, str) and key.startswith("["):
                for index in range(len(_value(model, path[:place]) or ())):
                    yield from _for_each(tuple(_with_index(one, key, index) for one in paths), model)
                return
    yield paths


def _with_index(path: Path, letter: str, index: int) -> Path:
    return tuple(index if key == letter else key for key in path)


def _value(model: Any, path: Path) -> Any:
    """What a model has at a path; None where there is nothing, or where its kind has no such key."""
    for key in path:
        model = model[key] if isinstance(key, int) else getattr(model, to_snake(key), None)
    return model
