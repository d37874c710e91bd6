"""The config keys of this project, and where a stack file has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pydantic import BaseModel

from stacks.environment.config import Environment
from stacks.language.faults import PROJECT, Fault, Path
from stacks.language.stack_file import StackFile
from stacks.team_stack.config import TeamStack

# The keys that a stack file may hold; it holds one of them.
ROOTS: Mapping[str, type[BaseModel]] = {"environment": Environment, "team": TeamStack}


def own_key(key: str) -> str | None:
    """The name of a config key of this project; None for one of a provider. Pulumi knows three spellings."""
    namespace, _, name = key.rpartition(":")
    return name if namespace in ("", PROJECT, f"{PROJECT}:config") else None


def config_path(file: StackFile, name: str) -> Path:
    """The path of one of this project's keys in a stack file, in the spelling that the file uses."""
    config = file.value.get("config") if isinstance(file.value, dict) else None
    keys = config if isinstance(config, dict) else {}
    return "config", next((key for key in keys if own_key(key) == name), f"{PROJECT}:{name}")


def located(faults: Iterable[Fault], start: Path, file: StackFile) -> Iterator[Fault]:
    """Faults of the value at `start` of a stack file as faults of the file, with their lines."""
    for fault in faults:
        inner = fault.under(start)
        yield replace(inner, line=file.line_of(inner.path))
