"""The commands as a whole, with parts that only say how they ended."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from local.errors import Failure
from local.progress import Steps
from local.suite import parts, results, run
from local.suite.groups import Group
from local.suite.results import Part

ONE = Group(name="some-one", tests=("tests/one",), code=(), entries=("kueue",))
TWO = Group(name="some-two", tests=("tests/two",), code=(), entries=("prometheus",))
BASE = list(run.BASE)


class Suite:
    """What ran, in its order; `outcomes` and `mirror` say what comes of parts, and which entries are there."""

    def __init__(self, folder: Path) -> None:
        self.record = folder / "tests.json"
        self.last_run = folder / "results.json"
        self.ran: list[str] = []
        self.limits: dict[str, float | None] = {}
        self.outcomes: dict[str, Part] = {}
        self.mirror = {"kueue", "prometheus"}
        self.built: list[str] = []

    def part(self, name: str, words: Sequence[str], steps: Steps, seconds: float | None = None) -> Part:
        self.ran.append(name)
        self.limits[name] = seconds
        parts.log_of(name).parent.mkdir(exist_ok=True, parents=True)
        parts.log_of(name).write_text(f"=== FAILURES ===\nwhat is wrong with {name}\n")
        case = f'<testcase><properties><property name="test" value="{name}"/></properties></testcase>'
        parts.report_of(name).write_text(f"<testsuite>{case}</testsuite>")
        return self.outcomes.get(name, Part(name=name, outcome="passed", seconds=60))

    def missing(self, entries: Sequence[str]) -> list[str]:
        return [entry for entry in entries if entry not in self.mirror]

    def build(self, entries: Collection[str], steps: Steps) -> None:
        self.built += sorted(entries)


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    found = Suite(tmp_path)
    monkeypatch.setattr(parts, "LOCAL", tmp_path)
    monkeypatch.setattr(run, "GROUPS", (ONE, TWO))
    monkeypatch.setattr(run, "prepare", lambda steps: None)
    monkeypatch.setattr(run, "why_no_cluster", lambda: "")
    monkeypatch.setattr(results, "RECORD", found.record)
    monkeypatch.setattr(results, "LAST_RUN", found.last_run)
    monkeypatch.setattr(run.history, "commit", lambda: "abc")
    monkeypatch.setattr(run.making, "missing", found.missing)
    monkeypatch.setattr(run.making, "build", found.build)
    monkeypatch.setattr(run.history, "turn", lambda: 0)
    for name in ("run_tests", "run_linter"):
        monkeypatch.setattr(parts, name, found.part)
    # The one thread of a test sees the parts in the order of the table.
    monkeypatch.setattr(run.process, "side_by_side", lambda *jobs: [job() for job in reversed(jobs)])
    return found


def last_lines(capsys: pytest.CaptureFixture[str], count: int) -> list[str]:
    return capsys.readouterr().out.splitlines()[-count:]


def test_ci_runs_the_tests_and_then_the_groups_within_their_time(
    suite: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.ci(time.time()) == 0
    assert suite.ran == [*BASE, "some-one", "some-two"]
    assert suite.limits["unit"] is None
    assert 0 < (suite.limits["some-one"] or 0) <= 30 * 60
    assert last_lines(capsys, 3) == [
        "some-one: passed in 1 min 0 s",
        "some-two: passed in 1 min 0 s",
        f"{len(BASE) + 2} passed, 0 failed, 0 skipped",
    ]
    written = results.read(suite.last_run)
    assert written is not None
    assert {part.commit for part in written.parts} == {"abc"}
    assert not suite.record.exists()


def test_ci_says_which_groups_do_not_run_and_why(suite: Suite, capsys: pytest.CaptureFixture[str]) -> None:
    suite.mirror.remove("kueue")
    assert run.ci(time.time() - 50 * 60) == 0
    assert suite.ran == BASE
    assert last_lines(capsys, 3) == [
        "some-one: not run: the mirror lacks kueue; `make mirror` builds it",
        "some-two: not run: it needs about 19 min and 10 of 60 are left; `make test-groups GROUPS=some-two` runs it",
        f"{len(BASE)} passed, 0 failed, 0 skipped",
    ]


def test_a_failed_group_fails_the_run_and_shows_what_is_wrong(suite: Suite, capsys: pytest.CaptureFixture[str]) -> None:
    suite.outcomes["some-one"] = Part(name="some-one", outcome="failed", seconds=5, why="log: some.log")
    assert run.ci(time.time()) == 1
    assert suite.ran[-1] == "some-two"
    out = capsys.readouterr().out
    assert "what is wrong with some-one" in out
    assert "what is wrong with some-two" not in out
    assert out.splitlines()[-3] == "some-one: failed in 5 s: log: some.log"


def test_a_group_that_did_not_come_to_its_end_leaves_no_cluster(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr(run.leftovers, "stop_test_clusters", lambda: stopped.append(True))
    suite.outcomes["some-one"] = Part(name="some-one", outcome="failed", complete=False)
    assert run.test_groups(["some-one"]) == 1
    assert stopped == [True]


def test_a_whole_run_records_every_part_that_came_to_its_end(suite: Suite) -> None:
    suite.outcomes["some-one"] = Part(name="some-one", outcome="failed")
    suite.outcomes["cluster"] = Part(name="cluster", outcome="failed", complete=False)
    assert run.test_all() == 1
    assert suite.built == ["kueue", "prometheus"]
    written = results.read(suite.record)
    assert written is not None
    outcomes = {part.name: part.outcome for part in written.parts}
    assert (outcomes["some-one"], outcomes["some-two"]) == ("failed", "passed")
    assert "cluster" not in outcomes


def test_a_run_that_cannot_go_on_says_so_of_what_is_left(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(entries: Collection[str], steps: Steps) -> None:
        raise Failure("kueue does not compile", "see the log")

    monkeypatch.setattr(run.making, "build", build)
    with pytest.raises(Failure):
        run.test_groups(["some"])
    assert last_lines(capsys, 3) == [
        "some-one: not run: kueue does not compile; see the log",
        "some-two: not run: kueue does not compile; see the log",
        "0 passed, 0 failed, 0 skipped",
    ]
