"""The table of groups: every test is in one, every pathspec finds code, every operator is named."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from local.mirror.entries import available
from local.paths import ROOT
from local.suite import results
from local.suite.groups import GROUPS, MOST_MINUTES, Group
from local.suite.history import changed_at, commit, turn
from stacks.check import read_environment
from stacks.environment.installed import from_embedded_mirror

EACH = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
#: Folders whose tests need the mirror.
FOLDERS = ("tests/platform", "tests/engines")


def test_every_test_that_needs_the_mirror_is_in_one_group() -> None:
    known = Counter(test for group in GROUPS for test in group.tests)
    there = {str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).rglob("test_*.py")}
    assert set(known) == there
    assert set(known.values()) == {1}


@EACH
def test_a_group_destroys_its_platform_last(group: Group) -> None:
    assert all("destroy" not in test for test in group.tests[:-1])


@EACH
def test_each_pathspec_finds_code(group: Group) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git repository")
    for pathspec in group.code:
        found = subprocess.run(
            ["git", "ls-files", "--", pathspec], cwd=ROOT, check=True, capture_output=True, text=True
        )
        assert found.stdout, f"{pathspec} finds nothing: the code is elsewhere now"


@EACH
def test_a_group_names_what_its_stack_takes_from_the_mirror(group: Group) -> None:
    for folder in {(ROOT / test).parent for test in group.tests}:
        needed = available(from_embedded_mirror(read_environment(folder / "Pulumi.test.yaml")))
        assert set(needed) <= set(group.entries)
    assert available(group.entries) == sorted(group.entries)


def test_no_group_took_longer_than_it_may_in_the_last_whole_run() -> None:
    run = results.read()
    taken = run.seconds() if run else {}
    assert {group.name: taken[group.name] for group in GROUPS if taken.get(group.name, 0) > MOST_MINUTES * 60} == {}


# -- when code changed -----------------------------------------------------------------------------------------


def git(folder: Path, *words: str, at: int = 1_000_000_000) -> str:
    date = {"GIT_AUTHOR_DATE": f"{at} +0000", "GIT_COMMITTER_DATE": f"{at} +0000"}
    who = {f"GIT_{role}_{key}": "test" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **date, **who}
    done = subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose `stacks/queue.py` is older than its `stacks/gpu.py`."""
    folder = tmp_path / "repository"
    (folder / "stacks" / "deep").mkdir(parents=True)
    git(folder, "init", "-q")
    for at, name in ((1_000_000_000, "stacks/deep/queue.py"), (1_000_000_500, "stacks/gpu.py")):
        (folder / name).write_text(name)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", name, at=at)
    return folder


def test_code_changed_with_its_last_commit(repository: Path) -> None:
    assert changed_at(["stacks/*queue*"], repository) == 1_000_000_000
    assert changed_at(["stacks/*gpu*"], repository) == 1_000_000_500
    assert changed_at(["stacks/*queue*", "stacks/*gpu*"], repository) == 1_000_000_500
    assert changed_at(["elsewhere/*"], repository) == 0


def test_what_is_not_committed_changed_after_everything_else(repository: Path) -> None:
    clean = commit(repository)
    (repository / "stacks" / "queue_new.py").touch()
    assert changed_at(["stacks/*queue*"], repository) == float("inf")
    assert changed_at(["stacks/*gpu*"], repository) == 1_000_000_500
    assert commit(repository) == f"{clean}+"


def test_in_a_shallow_clone_everything_changed_with_its_only_commit(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", "clone")
    clone = tmp_path / "clone"
    assert changed_at(["stacks/*queue*"], clone) == changed_at(["stacks/*gpu*"], clone) == 1_000_000_500
    assert commit(clone) == commit(repository)
    assert turn(clone) == int(git(repository, "rev-parse", "HEAD"), 16)


def test_without_a_repository_nothing_is_known(tmp_path: Path) -> None:
    assert changed_at(["stacks"], tmp_path) == 0
    assert commit(tmp_path) == ""
    assert turn(tmp_path) == 0
