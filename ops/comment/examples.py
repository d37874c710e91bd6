"""The example comments in docs/ci.md, made from recorded previews: `python -m ops.comment.examples` rewrites them."""

from __future__ import annotations

import re
from pathlib import Path

from ops.comment.page import MARKER, render
from ops.preview.reading import read_all

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "ci.md"
PREVIEWS = ROOT / "tests" / "unit" / "ops" / "previews"
PLACE = re.compile(r"(<!-- example: (\w+) -->\n).*?(<!-- example: end -->)", re.DOTALL)


def example(name: str) -> str:
    """The comment of a recorded preview, up to its folded part, as a quotation."""
    text = render(read_all([PREVIEWS / f"{name}.json"])).removeprefix(f"{MARKER}\n").partition("<details>")[0]
    # A heading would become part of the page's own.
    lines = [re.sub(r"^#+ (.*)", r"**\1**", line) for line in text.strip().splitlines()]
    return "".join(f"> {line}".rstrip() + "\n" for line in lines)


def rendered(page: str) -> str:
    """A page with the current examples in their places."""
    return PLACE.sub(lambda found: f"{found[1]}\n{example(found[2])}\n{found[3]}", page)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
