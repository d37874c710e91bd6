"""The contracts on imports: each one fails with its reason when a wrong import is added to the code as it is."""

from __future__ import annotations

import ast
import graphlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS: dict[str, dict[str, Any]] = {contract["name"]: contract for contract in SETTINGS["contracts"]}
# For each contract the file to which a wrong import is added, the import, and how the linter names it.
WRONG = {
    "stacks/ imports components/, never the other way round": (
        "components/labels.py",
        "from stacks import check",
        "components.labels -> stacks.check",
    ),
    "Nothing imports local/": (
        "ops/added.py",
        "from local import errors",
        "ops.added -> local.errors",
    ),
    "The program imports none of its tools": (
        "components/labels.py",
        "from policy.graph import values",
        "components.labels -> policy.graph.values",
    ),
    "local/ and policy/ do not import ops/": (
        "policy/graph/values.py",
        "from ops import bill",
        "policy.graph.values -> ops.bill",
    ),
    "stacks/language/ knows no feature": (
        "stacks/language/faults.py",
        "from stacks.gpu import config",
        "stacks.language.faults -> stacks.gpu.config",
    ),
    "Models and checks of stack files build nothing": (
        "stacks/priorities/config.py",
        "from components import pods",
        "stacks.priorities.config -> components.pods",
    ),
    "No import circles between modules or folders": (
        "ops/bill.py",
        "if TYPE_CHECKING:\n    from ops.cost import change",
        "No cycles are allowed in ops.",
    ),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy of the code to which every wrong import was added."""
    copy = tmp_path_factory.mktemp("copy")
    for name in SETTINGS["root_packages"]:
        shutil.copytree(ROOT / name, copy / name, ignore=lambda _, names: [n for n in names if n == "__pycache__"])
    (copy / "tests").mkdir()
    for name in ("pyproject.toml", "tests/imports.py"):
        shutil.copy(ROOT / name, copy / name)
    for file, line, _ in WRONG.values():
        with (copy / file).open("a") as code:
            code.write(f"\n{line}\n")
    done = subprocess.run(
        [sys.executable, "-m", "tests.imports"], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    # The linter wraps its lines.
    return " ".join(done.stdout.split())


def test_every_contract_is_tried() -> None:
    assert set(WRONG) == set(CONTRACTS)


def test_the_language_is_kept_from_all_that_lies_beside_it() -> None:
    beside = {path.stem for path in (ROOT / "stacks").iterdir() if path.suffix == ".py" or path.is_dir()}
    named = CONTRACTS["stacks/language/ knows no feature"]["forbidden_modules"]
    assert {f"stacks.{name}" for name in beside - {"__init__", "__pycache__", "language"}} == set(named)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_import_is_named_with_the_reason(name: str, broken: str) -> None:
    assert f"{name} BROKEN" in broken
    assert WRONG[name][2] in broken
    assert CONTRACTS[name]["broken_contract_guidance"] in broken


def test_no_module_imports_itself_by_way_of_others() -> None:
    """The linter compares neighbours: this sees a package and its own modules, and circles through several packages."""
    graph = grimp.build_graph(*SETTINGS["root_packages"], exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 300
    # Raises CycleError with the circle.
    graphlib.TopologicalSorter(imports).prepare()


def test_the_program_itself_is_made_of_stacks_only() -> None:
    tree = ast.parse((ROOT / "__main__.py").read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported == {"pulumi", "stacks"}
