"""The workflows: pinned, least privileged, bounded in time, and naming only what this repository has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.suite.groups import GROUPS

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
FILES = [*WORKFLOWS, *ACTIONS]
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
# Who may write what, and why: id-token for AWS through OIDC, pull-requests for the one comment.
WRITES = {
    ("preview.yml", "preview"): {"id-token"},
    ("preview.yml", "comment"): {"pull-requests"},
    ("up.yml", "images"): {"id-token"},
    ("up.yml", "staging"): {"id-token"},
    ("up.yml", "prod"): {"id-token"},
    ("up.yml", "teams"): {"id-token"},
    ("stack.yml", "up"): {"id-token"},
    ("images.yml", "image"): {"id-token"},
    ("drift.yml", "drift"): {"id-token"},
}


def parsed(path: Path) -> dict[str, Any]:
    raw = yaml.safe_load(path.read_text())
    # YAML 1.1 reads the key `on` as true.
    raw["on"] = raw.pop(True, raw.get("on"))
    return raw


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path.name, name, job) for path in WORKFLOWS for name, job in parsed(path)["jobs"].items()]


def steps() -> list[dict[str, Any]]:
    found = [step for _, _, job in jobs() for step in job.get("steps", [])]
    return found + [step for path in ACTIONS for step in parsed(path)["runs"]["steps"]]


def scripts() -> list[str]:
    return [step["run"] for step in steps() if "run" in step]


JOBS = pytest.mark.parametrize(
    ("file", "name", "job"), jobs(), ids=lambda value: value if isinstance(value, str) else ""
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside_it(path: Path) -> None:
    for line in path.read_text().splitlines():
        if found := re.search(r"uses: (\S+)(.*)", line):
            action, comment = found.groups()
            if action.startswith("./"):
                assert (ROOT / action / "action.yml").is_file() or (ROOT / action).is_file(), action
            else:
                assert PINNED.fullmatch(action), f"{action}: pin it by the SHA of a commit"
                assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action}: say the version behind the SHA"


def test_one_version_of_each_action() -> None:
    pins = {step["uses"] for step in steps() if not step.get("uses", "./").startswith("./")}
    names = [pin.partition("@")[0] for pin in pins]
    assert len(names) == len(set(names)), sorted(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_permissions_of_its_own(path: Path) -> None:
    assert parsed(path)["permissions"] == {}


@JOBS
def test_a_job_says_its_permissions_and_ends(file: str, name: str, job: dict[str, Any]) -> None:
    permissions = job["permissions"]
    assert isinstance(permissions, dict)
    assert {key for key, value in permissions.items() if value == "write"} == WRITES.get((file, name), set())
    if "uses" not in job:
        assert 1 <= job["timeout-minutes"] <= 120


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_code_of_strangers_never_runs_with_our_permissions(path: Path) -> None:
    workflow = parsed(path)
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow["on"])
    own_code = "github.event.pull_request.head.repo.full_name == github.repository"
    if "pull_request" in workflow["on"]:
        for name, job in workflow["jobs"].items():
            if path.name == "preview.yml" and WRITES.get((path.name, name)):
                assert own_code in workflow["jobs"]["stacks"]["if"]
                assert "stacks" in job["needs"]


@pytest.mark.parametrize("script", scripts())
def test_scripts_take_what_others_wrote_from_variables_only(script: str) -> None:
    """`${{ … }}` in a script is pasted before the shell reads it: a branch's name could be a command."""
    assert "${{" not in script
    assert subprocess.run([_bash(), "-n"], input=script, text=True, check=False).returncode == 0


def _bash() -> str:
    found = shutil.which("bash")
    assert found
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_secret_is_needed_or_written(path: Path) -> None:
    text = path.read_text()
    assert "secrets." not in text
    assert not re.search(r"AKIA|arn:aws:iam::\d{12}|\b\d{12}\b", text)


def test_checkouts_leave_no_token_behind() -> None:
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= len(WORKFLOWS) - 1
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_what_scripts_call_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called: dict[str, set[str]] = {"make": set(), "module": set(), "file": set()}
    for script in scripts():
        called["make"] |= set(re.findall(r"\bmake ([a-z-]+)", script))
        called["module"] |= set(re.findall(r"\bpython3? -m ([\w.]+)", script))
        called["file"] |= set(re.findall(r"\b(?:local|policy|requirements)/[\w./-]+\.(?:sh|json|lock)", script))
    assert called["make"] <= targets
    assert {"ops.comment", "ops.preflight", "ops.touched"} <= called["module"]
    for module in called["module"]:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    for file in called["file"]:
        assert (ROOT / file).is_file(), file
    assert {"lint", "test-unit"} <= called["make"]


def test_every_family_of_groups_has_a_machine() -> None:
    targets = parsed(ROOT / ".github/workflows/ci.yml")["jobs"]["embedded"]["strategy"]["matrix"]["target"]
    assert set(targets) == {"test", *(f"test-{group.family}" for group in GROUPS)}
    assert set(targets) <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_cli_is_the_version_of_the_sdk() -> None:
    pin = re.search(r'"pulumi==([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert pin
    (action,) = [step for step in steps() if step.get("uses", "").startswith("pulumi/actions@")]
    assert action["with"] == {"pulumi-version": pin[1]}


def test_the_images_that_are_built_are_the_sample_images() -> None:
    from images import sample_images

    matrix = parsed(ROOT / ".github/workflows/images.yml")["jobs"]["image"]["strategy"]["matrix"]
    assert sorted(matrix["image"]) == list(sample_images())


def test_an_update_is_never_cut_off_and_never_meets_another() -> None:
    for file, job in (("stack.yml", "up"), ("drift.yml", "drift")):
        concurrency = parsed(ROOT / ".github/workflows" / file)["jobs"][job]["concurrency"]
        assert concurrency["group"].startswith("stack-${{")
        assert concurrency["cancel-in-progress"] is False


def test_actionlint() -> None:
    binary = os.environ.get("ACTIONLINT")
    if not binary:
        pytest.skip("ACTIONLINT names no binary: go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12")
    command = [binary, "-no-color", *map(str, WORKFLOWS)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
