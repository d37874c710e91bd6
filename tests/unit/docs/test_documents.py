"""What the documentation names is there: pages, anchors, commands, modules, files."""

from __future__ import annotations

import importlib.util
import re
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
# A path as documents write it. `<name>` and `…` stand for something else: such paths are not looked up.
PATH = re.compile(r"(?<![\w/.:@-])((?:%s)(?:/[\w.*+-]+)*/?)(?![\w<…@/-])" % "|".join(map(re.escape, TOP)))


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
    named = {name for code in code_of(document) for name in re.findall(r"(?:^|&& |run ')make ([a-z-]+)", code, re.MULTILINE)}
    assert named <= TARGETS


@DOCUMENT
def test_every_module_that_is_run_exists(document: Path) -> None:
    for code in code_of(document):
        for module in re.findall(r"\bpython3? -m ([\w.]+)", code):
            assert importlib.util.find_spec(module), f"python -m {module}"


def paths_in(code: str) -> Iterator[str]:
    """The paths of this repository that a piece of code names: with a slash, or a file at the top."""
    for path in PATH.findall(code):
        if "/" in path.rstrip("/") or path.endswith("/") or "." in path:
            yield path


@DOCUMENT
def test_every_path_exists(document: Path) -> None:
    for code in code_of(document):
        if re.search(r"[a-z]+://|\b[a-z]+/v\d", code):
            continue
        for path in paths_in(code):
            assert any(ROOT.glob(path.rstrip("/"))), path


def test_paths_are_found_in_code() -> None:
    """The test above can fail."""
    assert list(paths_in("see stacks/check.py and Pulumi.dev.yaml, not local/a/<x>.py or registry/images")) == [
        "stacks/check.py",
        "Pulumi.dev.yaml",
    ]
    assert list(paths_in("`tests/unit/` and `catalog.yaml`")) == ["tests/unit/", "catalog.yaml"]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_code_is_fenced(page: Path) -> None:
    """A block that is only indented has no language, no marker and is checked by nobody."""
    outside = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    assert not re.search(r"\n\n    \S(?!.*\n\n    )(?<!    - )", re.sub(r"(?m)^ {4,}.*(?:\n|$)", "", outside))
