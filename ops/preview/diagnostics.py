"""The engine's messages, and what they say about a preview that failed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ops.preview.record import Diagnostic

# The engine's only words about a program that failed, and about one that a policy stopped.
GENERIC = "preview failed"
# Marks for colours in messages of events, such as <{%reset%}>.
COLOUR = re.compile(r"<\{%.*?%\}>")


def strip_marks(text: str) -> str:
    """A message without the engine's colour marks and without its severity, which is a field of its own."""
    return re.sub(r"^(error|warning): ", "", COLOUR.sub("", text).strip())


def find_failure(diagnostics: Iterable[Diagnostic], *, failed: bool) -> str | None:
    """Why a preview failed: its first error, or the last line that its program printed before it ended.

    The engine reports a program that ended with an exception as text on its standard error and, in one of the two
    forms, as the bare error `preview failed`. What is printed after that says nothing more.
    """
    printed = ""
    for diagnostic in diagnostics:
        if diagnostic.severity == "error":
            return printed or diagnostic.message if diagnostic.message == GENERIC else diagnostic.message
        if diagnostic.severity == "info#err":
            printed = diagnostic.message or printed
    return (printed or GENERIC) if failed else None
