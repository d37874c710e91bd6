"""What is wrong with a stack file: a fault has a place and a message, and a file may have many."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

Path = tuple[str | int, ...]

PROJECT = "ml-platform"
_PLAIN_KEY = re.compile(r"[-\w:./]{1,80}")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing to correct: the path from the value that was checked to the key at fault, and what to do."""

    path: Path
    message: str
    line: int | None = None

    def under(self, parent: Path) -> Fault:
        """The same fault, seen from further up."""
        return replace(self, path=(*parent, *self.path))


class Finding(NamedTuple):
    """A fault and the parts of the file that it was found by, with wildcards (`stacks.language.paths`)."""

    fault: Fault
    reads: tuple[Path, ...] = ()


class FindingsError(ValueError):
    """The faults of one value, raised together so that all of them are reported."""

    def __init__(self, found: Sequence[Finding]) -> None:
        super().__init__("; ".join(fault.message for fault, _ in found))
        self.found = tuple(found)


class ConfigError(Exception):
    """A stack config that cannot be used. Its text has a line for each fault."""

    def __init__(self, source: str, root: Any, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line or 0))
        super().__init__("\n".join(_line_of(source, root, fault) for fault in self.faults))


def _line_of(source: str, root: Any, fault: Fault) -> str:
    place = source if fault.line is None else f"{source}:{fault.line}"
    path = render_path(fault.path, root)
    # Scanner messages may hold line breaks, and a fault is one line.
    message = " ".join(fault.message.split())
    return f"{place}: {path}: {message}" if path else f"{place}: {message}"


def render_path(path: Path, root: Any) -> str:
    """A path of a stack file as people write it: `environment.teams[demo].labels.tier`.

    Entries go by their name where they have one of their own, and the project's name is left out.
    """
    text, value = "", root
    for key in path:
        if isinstance(key, int):
            text += f"[{_entry_name(value, key)}]"
            value = value[key] if isinstance(value, list) and key < len(value) else None
        else:
            word = key if _PLAIN_KEY.fullmatch(key) else json.dumps(key[:40], ensure_ascii=True)
            text += f".{word}" if text else word
            value = value.get(key) if isinstance(value, dict) else None
    return text.removeprefix(f"config.{PROJECT}:")


def _entry_name(entries: Any, index: int) -> str | int:
    """The name of a list's entry, or its index where it has no name or shares it."""
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries or ()]
    name = names[index] if index < len(names) else None
    return name if isinstance(name, str) and _PLAIN_KEY.fullmatch(name) and names.count(name) == 1 else index
