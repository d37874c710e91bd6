"""Foreign text in our Markdown: names and messages that can break nothing, mention nobody and show no secret."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from components.secret_patterns import VALUES

# What a message must never show: well-known forms of secrets, and what stands after a word for one.
REDACTED = "[redacted]"
_SECRETS = (*VALUES, re.compile(r"(?i)(?<=password[=:])\s*\S+|(?<=secret[=:])\s*\S+|(?<=token[=:])\s*\S+"))
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|@~$&\"']")


def redact(text: str) -> str:
    """A text without what looks like a secret. The engine blinds the secrets that it knows; this is for the others."""
    for pattern in _SECRETS:
        text = pattern.sub(REDACTED, text)
    return text


def escape(text: str, limit: int = 400) -> str:
    """A foreign text on one line: redacted, cut, and with every character of Markdown or HTML as an entity."""
    line = " ".join(redact(text).split())
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", line)


def code(text: str, limit: int = 160) -> str:
    """A foreign name as code. A backtick would end it and a pipe its table cell: both are replaced."""
    line = " ".join(text.split()).replace("`", "'").replace("|", "¦")
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return f"`{line}`" if line else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> list[str]:
    """A table with the columns of `numbers` aligned to the right."""
    marks = ["---:" if index in numbers else "---" for index in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, marks, *rows)]


def folded(summary: str, lines: Iterable[str]) -> list[str]:
    """Lines that unfold at a click. The blank lines make GitHub render the content as Markdown."""
    return ["<details>", f"<summary>{html.escape(summary)}</summary>", "", *lines, "", "</details>"]
