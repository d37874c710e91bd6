"""`python -m tests.proof`: writes the tables of the docs from the recorded results of the tests.

`python -m tests.proof record` first takes over what the last `make test` or `make test-groups` found.
`python -m tests.proof show` prints the page of that run alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

from local.suite.results import LAST_RUN, RECORD, ROOT, merged, read, write
from tests.proof import tables

PAGE = ROOT / "docs" / "proof.md"
README = ROOT / "README.md"


def pages() -> dict[Path, str]:
    """The generated pages as they should be."""
    run = read()
    return {PAGE: tables.page(run), README: tables.with_overview(README.read_text(), run)}


def main(words: list[str]) -> None:
    if words not in ([], ["record"], ["show"]):
        sys.exit("usage: python -m tests.proof [record | show]")
    if words:
        run = read(LAST_RUN)
        if run is None:
            sys.exit(f"{LAST_RUN.relative_to(ROOT)} is not there: `make test` and `make test-groups` write it")
        if words == ["show"]:
            print(tables.page(run), end="")
            return
        dirty = sorted(part.name for part in run.parts if part.commit.endswith("+"))
        if dirty:
            sys.exit(f"{', '.join(dirty)}: ran on files that no commit has; commit them, and run the tests again")
        write(merged(read(), run), RECORD)
    for path, text in pages().items():
        path.write_text(text)
    if not RECORD.exists():
        print("nothing is recorded: all rows say so; `make test-all` records everything", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
