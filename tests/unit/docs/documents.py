"""The documentation as data: its pages, their code blocks, links, headings, and the names in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "images" / "README.md", ROOT / "policy" / "README.md", *PAGES]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*).*\n(?P<text>(?:.*\n)*?)(?P=indent)```\s*$", re.MULTILINE)
_COMMENT = re.compile(r"<!-- (.+?) -->\s*$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block of code. `mark` is the HTML comment right before it, `line` where it begins."""

    document: Path
    line: int
    language: str
    mark: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


@cache
def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def prose_of(document: Path) -> str:
    """A document without its fenced blocks and HTML comments."""
    return re.sub(r"<!--.*?-->", "", _FENCE.sub("", text_of(document)), flags=re.DOTALL)


def blocks_of(document: Path) -> Iterator[Block]:
    text = text_of(document)
    for match in _FENCE.finditer(text):
        before = _COMMENT.search(text[: match.start()])
        yield Block(
            document=document,
            line=text.count("\n", 0, match.start()) + 1,
            language=match["language"],
            mark=before[1] if before else "",
            text=re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE),
        )


def links_of(document: Path) -> list[str]:
    """Targets of links to files of this repository, with their anchors."""
    return [link for link in _LINK.findall(prose_of(document)) if not re.match(r"[a-z]+:", link)]


def anchors_of(document: Path) -> set[str]:
    """The anchors of a page's headings, as the site and GitHub make them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text_of(document))):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", words.lower()).strip()))
    return found


def code_of(document: Path) -> Iterator[str]:
    """All code of a document: fenced blocks that are no YAML, and the spans between backticks."""
    yield from (block.text for block in blocks_of(document) if block.language not in ("yaml", "json"))
    yield from re.findall(r"`([^`\n]+)`", prose_of(document))
