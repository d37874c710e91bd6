"""The matrix of docs/security.md as data: what each role may do, written down apart from the code that grants it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "security.md"
HEADER = "| resource | viewer | developer | owner |"
WORDS = {"read": ("get", "list", "watch"), "write": ("create", "delete", "patch", "update")}

Right = tuple[str, str, str]
"""A verb, an API group and a resource, with its subresource if it is one."""


def matrix(text: str | None = None) -> Mapping[str, frozenset[Right]]:
    """The rights of each role as the table says them. LookupError where there is no such table."""
    lines = (text or DOCUMENT.read_text()).splitlines()
    if HEADER not in lines:
        raise LookupError(f"{DOCUMENT.name} has no table with the head {HEADER!r}")
    rights: dict[str, set[Right]] = {"viewer": set(), "developer": set(), "owner": set()}
    for line in lines[lines.index(HEADER) + 2 :]:
        if not line.startswith("|"):
            break
        resources, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        for role, cell in zip(rights, cells, strict=True):
            for resource in re.findall(r"`([^`]+)`", resources):
                plain, _, group = resource.partition(".")
                rights[role] |= {(verb, group, plain) for verb in _verbs(cell)}
    return {role: frozenset(found) for role, found in rights.items()}


def _verbs(cell: str) -> list[str]:
    words = [word.strip() for word in cell.split(",") if word.strip() not in ("", "–")]
    return [verb for word in words for verb in WORDS.get(word, (word,))]
