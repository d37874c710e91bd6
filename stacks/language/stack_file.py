"""Reads a stack file with the line of every key, and refuses what YAML allows but a stack file should not.

Plain scalars mean what they mean to the Pulumi CLI (YAML 1.2 as go-yaml reads it: `yes` and `on` are texts),
and not what PyYAML would make of them. What the two would read differently (dates, octal numbers) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml

from stacks.language.faults import Fault, Path
from stacks.language.model import shown

_LARGEST_FILE = 1024 * 1024
_DEEPEST = 32
_PLAIN = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ODD_NUMBER = re.compile(
    r"[-+]?(?:0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*(?:\.[0-9_]*)?|\.(?:inf|Inf|INF|nan|NaN|NAN))"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """What a stack file says: plain Python values, the line of each path, and the faults of its form.

    A file that is not `readable` has no value, and one fault that says why.
    """

    value: Any = None
    lines: Mapping[Path, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    readable: bool = True

    def line_of(self, path: Path) -> int | None:
        """The line of a key or entry; of the nearest one around it where the path is not in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def read_stack_file(path: FilePath) -> StackFile:
    """The content of a stack file. Never raises for a bad one: what is wrong is in `faults`."""
    try:
        # Devices and pipes are no stack files, and reading one may never end.
        if path.exists() and not path.is_file():
            return _only_fault("is not a file; name a stack file such as Pulumi.dev.yaml")
        content = path.read_bytes()
    except FileNotFoundError:
        return _only_fault("there is no such file; name a stack file such as Pulumi.dev.yaml")
    except OSError as error:
        return _only_fault(f"cannot be read: {error.strerror}; make it readable")
    if len(content) > _LARGEST_FILE:
        return _only_fault("is larger than 1 MiB; a stack file holds config only")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _only_fault("is not UTF-8 text; save it in that encoding", line)
    return parse_stack_file(text)


def parse_stack_file(text: str) -> StackFile:
    """The same, of the text of a file."""
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            reader.take(event)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _only_fault(f"has the character U+{error.character:04X}, which YAML does not allow; remove it", line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _only_fault(_syntax_message(error), mark.line + 1 if mark else None)
    except _UnusableError as error:
        return StackFile(faults=(error.fault,), readable=False)
    return StackFile(value=reader.document, lines=reader.lines, faults=tuple(reader.faults))


def _only_fault(message: str, line: int | None = None) -> StackFile:
    return StackFile(faults=(Fault(path=(), message=message, line=line),), readable=False)


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "cannot be parsed"
    if "\\t" in problem:
        return "has a tab where YAML wants spaces; indent with spaces"
    context = f" {error.context}," if error.context else ""
    return f"is not valid YAML:{context} {problem}; check indentation, quotes and brackets here"


class _UnusableError(Exception):
    def __init__(self, message: str, event: yaml.Event) -> None:
        self.fault = Fault(path=(), message=message, line=event.start_mark.line + 1)


@dataclass
class _Open:
    """A list or mapping whose end has not come yet."""

    value: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None
    awaits_key: bool = True


@dataclass
class _Reader:
    """Builds the document from parser events, without recursion: no nesting can exhaust the stack."""

    document: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)
    _documents: int = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _UnusableError("has a second document ('---'); a stack file is one document", event)
            case yaml.AliasEvent():
                self._fault("is an alias (*); write the value out", event, self._next_path())
                self._add(None, event)
            case yaml.ScalarEvent():
                self._refuse_extras(event)
                if self._awaits_key():
                    self._take_key(event)
                else:
                    self._add(self._scalar(event), event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_extras(event)
                if self._awaits_key():
                    raise _UnusableError("has a list or mapping as a key; keys are plain words", event)
                if len(self._open) >= _DEEPEST:
                    raise _UnusableError(f"is nested deeper than {_DEEPEST} levels; no key is that deep", event)
                value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
                path = self._next_path()
                self._add(value, event, closes=False)
                self._open.append(_Open(value, path))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._value_done()
            case _:
                pass

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].awaits_key

    def _next_path(self) -> Path:
        if not self._open:
            return ()
        top = self._open[-1]
        return (*top.path, len(top.value) if isinstance(top.value, list) else str(top.key))

    def _fault(self, message: str, event: yaml.Event, path: Path) -> None:
        self.faults.append(Fault(path=path, message=message, line=event.start_mark.line + 1))

    def _refuse_extras(self, event: Any) -> None:
        if event.anchor is not None:
            self._fault(
                "has an anchor (&); remove it and write values out where they are needed",
                event,
                self._next_path(),
            )
        if event.tag not in (None, "!"):
            self._fault(
                f"has the tag {event.tag}; remove it, and quote what is meant as text",
                event,
                self._next_path(),
            )

    def _take_key(self, event: yaml.ScalarEvent) -> None:
        top = self._open[-1]
        assert isinstance(top.value, dict)
        key = event.value
        path = (*top.path, key)
        if event.implicit[0] and _plain(key) is not key:
            self._fault(f"the key {key or 'null'} is not a text; put it in quotes", event, path)
        if key in top.value:
            first = self.lines[path]
            self._fault(f"is here a second time (the first is in line {first}); remove one of the two", event, path)
        self.lines.setdefault(path, event.start_mark.line + 1)
        top.key, top.awaits_key = key, False

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        # implicit[0] is true for plain scalars only: quotes make a text of everything.
        if not event.implicit[0]:
            return event.value
        value = _plain(event.value)
        if value is event.value:
            if _DATE.fullmatch(value):
                self._fault(f"{value} is read as a date; put it in quotes", event, self._next_path())
            elif _ODD_NUMBER.fullmatch(value):
                remedy = "write a plain decimal number, or put a text in quotes"
                self._fault(
                    f"{shown(value)} is read as a number in a form of its own; {remedy}",
                    event,
                    self._next_path(),
                )
        return value

    def _add(self, value: Any, event: yaml.Event, closes: bool = True) -> None:
        path = self._next_path()
        if not self._open:
            self.document = value
        else:
            top = self._open[-1]
            if isinstance(top.value, list):
                self.lines.setdefault(path, event.start_mark.line + 1)
                top.value.append(value)
            else:
                # Of a repeated key the first value counts; the second is read into nothing.
                top.value.setdefault(str(top.key), value)
        if closes:
            self._value_done()

    def _value_done(self) -> None:
        if self._open:
            self._open[-1].awaits_key = True


def _plain(text: str) -> Any:
    """The value of an unquoted scalar; the very same object when it is a text."""
    if text in _PLAIN:
        return _PLAIN[text]
    if _INTEGER.fullmatch(text) and len(text) <= 20:
        return int(text)
    if _FLOAT.fullmatch(text) and abs(number := float(text)) != float("inf"):
        return number
    return text
