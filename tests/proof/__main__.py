"""`python -m tests.proof`: writes the tables of the docs from the last whole run.

With a file of results it prints the page instead: `python -m tests.proof .local/log/results.json`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from local.suite.results import ROOT, WHOLE_RUN, read
from tests.proof import tables

PAGE = ROOT / "docs" / "proof.md"
README = ROOT / "README.md"


def pages() -> dict[Path, str]:
    """The generated pages as they should be."""
    run = read()
    return {PAGE: tables.page(run), README: tables.with_overview(README.read_text(), run)}


def main(words: list[str]) -> None:
    if words:
        run = read(Path(words[0]))
        if run is None:
            sys.exit(f"{words[0]} is not there: `make test` and its sisters write .local/log/results.json")
        print(tables.page(run), end="")
        return
    for path, text in pages().items():
        path.write_text(text)
    if not WHOLE_RUN.exists():
        print("no whole run is recorded: all rows say so; `make test-all` records one", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
