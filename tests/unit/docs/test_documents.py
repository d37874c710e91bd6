"""What the documentation names is there: pages, anchors, commands, modules, files."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.unit.docs.documents import DOCS, DOCUMENTS, PAGES, ROOT, anchors_of, code_of, links_of, text_of

NAMES = [str(document.relative_to(ROOT)) for document in DOCUMENTS]
DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
# Files and folders that are in the repository; those below .local and caches come and go.
TOP = sorted(path.name for path in ROOT.iterdir() if path.name not in (".git", ".local"))
# What a command of the project makes, and is not there before.
MADE = ("docs/results/tests.json",)


@DOCUMENT
def test_every_link_leads_to_a_file_and_an_anchor(document: Path) -> None:
    for link in links_of(document):
        name, _, anchor = link.partition("#")
        target = (document.parent / name) if name else document
        assert target.exists(), f"{link} is not there"
        if anchor:
            assert anchor in anchors_of(target), f"{link}: {target.name} has no such heading"


@DOCUMENT
def test_every_make_command_is_a_target(document: Path) -> None:
    command = re.compile(r"(?:^|&& |run ')make ([a-z-]+)", re.MULTILINE)
    assert {name for code in code_of(document) for name in command.findall(code)} <= TARGETS


@DOCUMENT
def test_every_module_that_is_run_exists(document: Path) -> None:
    for code in code_of(document):
        for module in re.findall(r"\bpython3? -m ([\w.]+)", code):
            assert importlib.util.find_spec(module), f"python -m {module}"


def paths_in(code: str) -> Iterator[str]:
    """The paths of this repository that a piece of code names: with a slash, or a file at the top.

    `<name>`, `…` and `{name}` stand for something else: a path with one of them is not looked up.
    """
    for word in re.split(r"[\s\"'`(),;=]+", code):
        path = word.rstrip(".:")
        if path.split("/")[0] in TOP and ("/" in path or "." in path) and not re.search(r"[<>…{}$:@]", path):
            yield path


@DOCUMENT
def test_every_path_exists(document: Path) -> None:
    for code in code_of(document):
        for path in paths_in(code):
            assert path in MADE or any(ROOT.glob(path.rstrip("/"))), path


def test_paths_are_found_in_code() -> None:
    """The test above can fail."""
    text = "see stacks/check.py, Pulumi.dev.yaml and tests/unit/, not local/a.<x>.py, docs or registry/images"
    assert list(paths_in(text)) == ["stacks/check.py", "Pulumi.dev.yaml", "tests/unit/"]


def test_every_page_is_in_the_navigation_once() -> None:
    def files(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for value in entry.values():
                yield from files(value)
        elif isinstance(entry, list):
            for value in entry:
                yield from files(value)

    navigation = list(files(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(navigation) == sorted(str(page.relative_to(DOCS)) for page in PAGES)


def test_pages_that_code_names_exist() -> None:
    """Messages, comments and links of alerts name pages, some with a heading: `docs/page.md, "Heading"`."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found: set[str] = set()
    for name in listed:
        path = ROOT / name
        if path.suffix in (".py", ".yaml", ".yml", ".toml") and path.exists() and not name.startswith("tests/unit/"):
            for page, heading in re.findall(r'(?<![\w/])(docs/[\w/-]+\.md)(?:, "([^"]+)")?', path.read_text()):
                found.add(page)
                assert (ROOT / page).exists(), f"{name}: {page}"
                assert not heading or heading.lower().replace(" ", "-") in anchors_of(ROOT / page), f"{name}: {heading}"
    assert len(found) > 5


def test_messages_in_the_symptoms_are_those_of_the_program() -> None:
    """The first column of these tables quotes messages; `…` stands for what differs."""
    listed = [path for folder in ("stacks", "components", "local") for path in (ROOT / folder).rglob("*.py")]
    # Literals that follow each other are one text.
    program = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text() for path in listed))
    tables = re.findall(
        r"^\| (?:message contains|message|`make status` says) \|.*\n\|---.*\n((?:\|.*\n)+)",
        text_of(DOCS / "symptoms.md"),
        re.MULTILINE,
    )
    quoted = [
        quote
        for table in tables
        for row in table.splitlines()
        for quote in re.findall(r"`([^`]+)`", row[: row.index(" | ")])
    ]
    assert len(quoted) > 15
    for quote in quoted:
        for part in filter(None, (part.strip(" ;:,") for part in quote.split("…"))):
            assert part in program, f"no message says {part!r}"
