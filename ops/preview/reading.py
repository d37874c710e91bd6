"""Recorded previews from files, in either form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from ops.preview.digest import KEYS, read_digest
from ops.preview.events import read_events
from ops.preview.record import Preview, PreviewError

HOW = "record one with: pulumi preview --json > preview.json"


def read(path: Path) -> Preview:
    """The preview recorded in a file. Without resources its stack is the file's name up to the first dot.

    Raises PreviewError for a file that cannot be read or has neither form.
    """
    stack = path.name.split(".")[0]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PreviewError(f"{path}: cannot be read ({error}); {HOW}") from None
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        whole = None
    if isinstance(whole, dict) and KEYS & whole.keys():
        return read_digest(cast("dict[str, Any]", whole), stack)
    try:
        events = [json.loads(line) for line in text.splitlines() if line.strip()]
    except json.JSONDecodeError:
        events = []
    if not events or not all(isinstance(event, dict) and "sequence" in event for event in events):
        raise PreviewError(f"{path}: is no recorded preview; {HOW}")
    try:
        return read_events(events, stack)
    except ValueError as error:
        raise PreviewError(f"{path}: cannot be read ({error}); record it with the Pulumi of pyproject.toml") from None


def read_all(paths: Iterable[Path]) -> list[Preview]:
    """Previews by stack, in the order given. Several files of one stack are put together."""
    found: dict[str, Preview] = {}
    for path in paths:
        new = read(path)
        old = found.get(new.stack)
        found[new.stack] = _together(old, new) if old else new
    return list(found.values())


def _together(one: Preview, other: Preview) -> Preview:
    """Two records of one preview: the steps of the longer one, the policy results of both."""
    more = max(one, other, key=lambda preview: len(preview.resources))
    return Preview(
        stack=one.stack,
        resources=more.resources,
        violations=tuple(dict.fromkeys((*one.violations, *other.violations))),
        diagnostics=tuple(dict.fromkeys((*one.diagnostics, *other.diagnostics))),
        judged=one.judged or other.judged,
        failure=one.failure or other.failure,
        summary=more.summary or one.summary or other.summary,
    )
