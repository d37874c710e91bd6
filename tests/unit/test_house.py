"""How the source is laid out: names that have one meaning each."""

from __future__ import annotations

import ast
from pathlib import Path

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
