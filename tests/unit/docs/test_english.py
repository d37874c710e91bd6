"""Plain English: what `docs/contributing.md` advises against is in no page, docstring, comment or message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.docs.documents import DOCS, ROOT

GUIDE = DOCS / "contributing.md"
SOURCES = ("stacks", "components", "local", "ops", "policy", "images")


def table() -> tuple[str, ...]:
    """The left cells of the guide's table, one phrase each."""
    section = GUIDE.read_text().partition("## Write plain English")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ([^|]+?) \| [^|]+ \|$", section, re.MULTILINE)
    return tuple(phrase for cell in cells if cell != "instead of" for phrase in cell.split(", "))


PHRASES = table()


def texts() -> Iterator[Path]:
    yield ROOT / "README.md"
    yield from (page for page in DOCS.rglob("*.md") if page != GUIDE)
    for folder in SOURCES:
        yield from (path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md", ".yaml"})


def occurrences(phrase: str, text: str) -> list[str]:
    """The lines of a text that have the phrase as words; it may go over the end of a line."""
    words = r"(?:\s|#)+".join(re.escape(word) for word in phrase.split())
    start, end = (r"\b" if edge.isalnum() else "" for edge in (phrase[0], phrase[-1]))
    return [text[: found.end()].splitlines()[-1].strip() for found in re.finditer(f"{start}{words}{end}", text)]


def test_the_guide_has_phrases_and_the_search_finds_them() -> None:
    assert len(PHRASES) > 10
    assert occurrences("for ever", "would wait for\n    # ever") == ["# ever"]
    assert occurrences(". Else", 'the class. Else the "default"') == ["the class. Else"]
    assert not occurrences("bear", "a bearing")


@pytest.mark.parametrize("phrase", PHRASES)
def test_nothing_has_a_phrase_that_the_guide_advises_against(phrase: str) -> None:
    found = {str(path.relative_to(ROOT)): hits for path in texts() if (hits := occurrences(phrase, path.read_text()))}
    assert not found, "docs/contributing.md says what to write"
