"""How the source is laid out: names that have one meaning each, modules and folders that are not too large."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def classes(folder: str) -> dict[str, Path]:
    """The classes of a folder's modules, with the module of each."""
    return {
        node.name: path.relative_to(ROOT)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }


def test_models_of_stack_files_and_components_have_names_of_their_own() -> None:
    models, components = classes("stacks"), classes("components")
    assert len(models) > 100
    assert len(components) > 100
    same = {name: (str(models[name]), str(components[name])) for name in models.keys() & components.keys()}
    assert not same, f"name the model of the stack file …Config: {same}"


# A module has one idea, and a folder can be seen at once.
LONGEST_MODULE = 300
FULLEST_FOLDER = 15
SOURCES = ("stacks", "components", "local", "ops", "policy", "images")


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", SOURCES)
def test_no_module_is_long(folder: str) -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules(folder)}
    assert lines
    long = {name: count for name, count in lines.items() if count > LONGEST_MODULE}
    assert not long, f"split by idea what has more than {LONGEST_MODULE} lines"


@pytest.mark.parametrize("folder", [*SOURCES, "tests"])
def test_no_folder_is_full(folder: str) -> None:
    counts = Counter(str(path.parent.relative_to(ROOT)) for path in modules(folder) if path.name != "__init__.py")
    assert counts
    full = {name: count for name, count in counts.items() if count > FULLEST_FOLDER}
    assert not full, f"give a folder with more than {FULLEST_FOLDER} modules folders by feature"
