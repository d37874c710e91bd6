"""Which group of tests is next, whether it may begin, and what the last lines say of it."""

from __future__ import annotations

import pytest

from local.errors import Failure
from local.suite.groups import Group, chosen
from local.suite.results import Part, Result, Run
from local.suite.schedule import Change, lacks, limit, no_time, order
from local.suite.summary import duration, last_lines, with_rest


def group(name: str) -> Group:
    return Group(name=name, tests=(), code=(), entries=())


A, B, C = group("some-a"), group("some-b"), group("other")


def changes(*times: float) -> list[Change]:
    return [Change(group=group, at=at) for group, at in zip((A, B, C), times, strict=True)]


def test_the_group_whose_code_changed_last_comes_first() -> None:
    for turn in range(5):
        assert order(changes(1, 3, 2), turn) == [B, C, A]
        assert order(changes(1, float("inf"), 2), turn) == [B, C, A]
    assert order([], 7) == []


def test_groups_that_changed_at_one_time_take_turns() -> None:
    assert [order(changes(5, 5, 5), turn)[0] for turn in range(4)] == [A, B, C, A]
    assert {order(changes(5, 5, 9), turn)[0] for turn in range(4)} == {C}
    for turn in range(4):
        assert sorted(found.name for found in order(changes(5, 5, 5), turn)) == ["other", "some-a", "some-b"]


MINUTE = 60


@pytest.mark.parametrize(
    ("elapsed", "taken", "why"),
    [
        (0, {}, ""),
        (40 * MINUTE, {}, ""),
        (42 * MINUTE, {}, "it needs about 19 min and 18 of 60 are left; `make test-groups GROUPS=other` runs it"),
        (50 * MINUTE, {"other": 8 * MINUTE}, ""),
        (50.1 * MINUTE, {"other": 8 * MINUTE}, "it needs about 10 min and 10 of 60 are left"),
        (70 * MINUTE, {"other": 1}, "it needs about 0 min and 0 of 60 are left"),
    ],
)
def test_a_group_begins_when_it_can_be_expected_to_end_in_time(
    elapsed: float, taken: dict[str, float], why: str
) -> None:
    found = no_time(C, elapsed, taken)
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_every_group_is_ended_before_ci_has_to() -> None:
    assert limit(0) == 30 * MINUTE
    assert limit(60 * MINUTE) == 8 * MINUTE
    assert limit(90 * MINUTE) > 0


def test_a_mirror_that_lacks_something_is_a_reason() -> None:
    assert lacks([]) == ""
    assert lacks(["kueue", "prometheus"]) == "the mirror lacks kueue, prometheus; `make mirror` builds it"


def test_groups_are_chosen_by_name_and_by_family() -> None:
    groups = (A, B, C)
    assert chosen((), groups) == [A, B, C]
    assert chosen(("some",), groups) == [A, B]
    assert chosen(("other", "some-a"), groups) == [A, C]
    with pytest.raises(Failure, match=r"no group of tests is called nothing; they are other, some, some-a, some-b"):
        chosen(("nothing", "other"), groups)


def test_the_last_lines_say_what_ran_and_what_did_not_and_the_counts_come_last() -> None:
    parts = (
        Part(name="unit", outcome="passed", seconds=58.2),
        Part(name="some-a", outcome="failed", seconds=382, why="log: .local/log/some-a.log"),
        Part(name="some-b", outcome="not run", complete=False, why=lacks(["kueue"])),
    )
    tests = tuple(Result(test=str(n), outcome=o, seconds=0) for n, o in enumerate(("passed", "failed", "passed")))
    assert last_lines(Run(parts=parts, tests=tests)) == [
        "unit: passed in 58 s",
        "some-a: failed in 6 min 22 s: log: .local/log/some-a.log",
        "some-b: not run: the mirror lacks kueue; `make mirror` builds it",
        "2 passed, 1 failed, 0 skipped",
    ]
    assert duration(59.6) == "1 min 0 s"


def test_a_run_that_ended_early_names_what_it_did_not_finish() -> None:
    done = Part(name="unit", outcome="passed")
    found = with_rest([done], ["unit", "cluster", "other"], "interrupted")
    assert found[0] == done
    assert [(part.name, part.outcome, part.why, part.complete) for part in found[1:]] == [
        ("cluster", "not run", "interrupted", False),
        ("other", "not run", "interrupted", False),
    ]
