"""Which stacks a change touches: `python -m ops.touched --base origin/main` prints outputs for a workflow.

    all=["staging","prod","prod-vision"]
    teams=["prod-vision"]

Only stacks in a cloud count: nobody deploys the others from CI. A stack file touches its stack, a file of the program
all of them, documentation and tests none.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import click
import yaml

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = "ml-platform:environment"
TEAM = "ml-platform:team"
# The values of `cluster.kind` that are in a cloud.
CLOUDS = ("aws",)
# The files of the program, as the beginnings of their paths.
PROGRAM = (
    "__main__.py",
    "Pulumi.yaml",
    "catalog.yaml",
    "components/",
    "images/",
    "policy/",
    "pyproject.toml",
    "requirements/",
    "stacks/",
)
NOT_PROGRAM = (".md",)
Kind = Literal["environment", "team"]


def kind_of(file: Mapping[str, Any]) -> Kind | None:
    """Whether a stack file is an environment in a cloud or a team stack; None for any other."""
    config: Mapping[str, Any] = file.get("config") or {}
    if TEAM in config:
        return "team"
    cluster: Any = (config.get(ENVIRONMENT) or {}).get("cluster") or {}
    return "environment" if cluster.get("kind") in CLOUDS else None


def stacks(root: Path = ROOT) -> dict[str, Kind]:
    """The stacks in a cloud by name: environments before teams, staging before the rest."""
    found: dict[str, Kind] = {}
    for path in root.glob("Pulumi.*.yaml"):
        if kind := kind_of(yaml.safe_load(path.read_text()) or {}):
            found[path.name.removeprefix("Pulumi.").removesuffix(".yaml")] = kind
    return dict(sorted(found.items(), key=lambda item: (item[1] == "team", item[0] != "staging", item[0])))


def touched(files: Iterable[str], known: Iterable[str]) -> list[str]:
    """The stacks of `known` that a change of these files touches, in their order."""
    changed = list(files)
    if any(path.startswith(PROGRAM) and not path.endswith(NOT_PROGRAM) for path in changed):
        return list(known)
    return [stack for stack in known if f"Pulumi.{stack}.yaml" in changed]


def changed_files(base: str, root: Path = ROOT) -> list[str] | None:
    """The files that differ from a commit; None when there is no such commit, as at the first push of a branch."""
    command = ["git", "diff", "--name-only", f"{base}...HEAD"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return result.stdout.splitlines() if result.returncode == 0 else None


def outputs(selected: Sequence[str], known: Mapping[str, Kind]) -> str:
    """The lines for GITHUB_OUTPUT."""
    lines = {"all": list(selected), "teams": [stack for stack in selected if known[stack] == "team"]}
    return "\n".join(f"{key}={json.dumps(value, separators=(',', ':'))}" for key, value in lines.items())


@click.command()
@click.option("--base", help="Commit to compare with.")
@click.option("--all", "everything", is_flag=True, help="Every stack, whatever has changed.")
def main(base: str | None, everything: bool) -> None:
    """Print which stacks a change touches."""
    if not base and not everything:
        click.echo("touched: pass --base <commit>, or --all", err=True)
        sys.exit(2)
    known = stacks()
    files = None if everything or not base else changed_files(base)
    if files is None and not everything:
        click.echo(f"touched: there is no commit {base} here, so every stack counts as touched", err=True)
    click.echo(outputs(list(known) if files is None else touched(files, known), known))


if __name__ == "__main__":
    main()
