"""Which stacks a change touches."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from ops.touched import changed_files, kind_of, main, outputs, stacks, touched

KNOWN = ["staging", "prod", "prod-vision"]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ([], []),
        (["README.md", "docs/aws.md", "tests/unit/x.py", "local/node/embedded.py"], []),
        (["Pulumi.prod.yaml"], ["prod"]),
        (["Pulumi.prod-vision.yaml"], ["prod-vision"]),
        (["Pulumi.dev.yaml"], []),
        (["components/aws/network.py"], KNOWN),
        (["stacks/environment/config.py"], KNOWN),
        (["policy/rules/data.py"], KNOWN),
        (["policy/README.md"], []),
        (["images/trainer/Dockerfile"], KNOWN),
        (["catalog.yaml"], KNOWN),
        (["Pulumi.yaml"], KNOWN),
        (["Pulumi.staging.yaml", "components/README.md"], ["staging"]),
    ],
)
def test_touched(files: list[str], found: list[str]) -> None:
    assert touched(files, KNOWN) == found


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ({"config": {"ml-platform:environment": {"cluster": {"kind": "aws"}}}}, "environment"),
        ({"config": {"ml-platform:environment": {"cluster": {"kind": "local"}}}}, None),
        ({"config": {"ml-platform:team": {}}}, "team"),
        ({"config": None}, None),
        ({}, None),
    ],
)
def test_kind_of(file: dict[str, object], kind: str | None) -> None:
    assert kind_of(file) == kind


def test_stacks_of_this_repository_environments_first() -> None:
    assert list(stacks()) == KNOWN
    assert stacks()["prod-vision"] == "team"


def test_outputs_are_lines_for_a_workflow() -> None:
    assert outputs(["prod", "prod-vision"], stacks()) == 'all=["prod","prod-vision"]\nteams=["prod-vision"]'


def test_changed_files_of_a_repository(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    git("commit", "--allow-empty", "--message", "first")
    git("tag", "base")
    (tmp_path / "Pulumi.prod.yaml").write_text("a")
    git("add", ".")
    git("commit", "--message", "second")
    assert changed_files("base", tmp_path) == ["Pulumi.prod.yaml"]
    assert changed_files("0" * 40, tmp_path) is None


def test_the_command_wants_a_base() -> None:
    result = CliRunner().invoke(main, [])
    assert (result.exit_code, result.stderr) == (2, "touched: pass --base <commit>, or --all\n")
    everything = CliRunner().invoke(main, ["--all"]).output.splitlines()
    assert everything[0] == 'all=["staging","prod","prod-vision"]'
    unknown = CliRunner().invoke(main, ["--base", "0" * 40])
    assert unknown.stdout.splitlines() == everything
    assert "every stack counts as touched" in unknown.stderr
