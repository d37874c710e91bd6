"""From results to tables, and the tables that are in the docs."""

from __future__ import annotations

import pytest

from local.suite import results
from local.suite.results import Outcome, Result, Run
from tests.proof import tables
from tests.proof.__main__ import pages
from tests.proof.features import API_SERVER, AREAS, MOCKS, PARTS, REAL_RUN, Area, Part

JOB = Part(key="training/job", title="Job", more="job.md", features=("trains", "waits"))
MPI = Part(key="training/mpi", title="MPI", more="mpi.md", features=("trains", "starts whole"))
QUEUES = Part(key="queueing", title="Queues", more="queues.md", features=("borrows", "drains"))
SMALL = (Area(title="Training", matrix=True, parts=(JOB, MPI)), Area(title="Services", parts=(QUEUES,)))


def result(name: str, outcome: Outcome, *proves: tuple[str, str, str]) -> Result:
    return Result(test=name, part="unit", outcome=outcome, seconds=1, proves=proves)


def run(*tests: Result) -> Run:
    return Run(parts=(results.Part(name="unit", outcome="passed", seconds=61, commit="0123456789abcdef"),), tests=tests)


EXAMPLE = run(
    result("a.py::test_1", "passed", ("training/job", "trains", MOCKS), ("training/mpi", "trains", API_SERVER)),
    result("b.py::test_2[x]", "passed", ("training/job", "trains", REAL_RUN)),
    result("b.py::test_3", "skipped", ("training/job", "waits", REAL_RUN)),
    result("c.py::test_4", "passed", ("queueing", "borrows", API_SERVER)),
    result("b.py::test_5", "failed", ("queueing", "borrows", REAL_RUN)),
)


def test_a_feature_is_proved_as_well_as_its_strongest_test() -> None:
    found = tables.proofs(EXAMPLE)
    assert found["training/job", "trains"] == tables.Proof(level=REAL_RUN, files=("a.py", "b.py"))
    assert found["training/mpi", "trains"].level == API_SERVER


def test_a_test_that_was_skipped_proves_nothing() -> None:
    assert tables.of(JOB, "waits", tables.proofs(EXAMPLE)).level == "not run"


def test_a_failed_test_is_not_outweighed_by_one_that_passed() -> None:
    assert tables.proofs(EXAMPLE)["queueing", "borrows"].level == "failed"


def test_the_page_has_a_row_for_each_feature_and_a_column_for_each_kind() -> None:
    lines = tables.page(EXAMPLE, SMALL).splitlines()
    assert "|  | [Job](job.md) | [MPI](mpi.md) |" in lines
    assert "| trains | real run | API server |" in lines
    assert "| waits | not run | – |" in lines
    assert "| starts whole | – | not run |" in lines
    assert "| [Queues](queues.md) | borrows | failed | `b.py`, `c.py` |" in lines
    assert "|  | drains | not run |  |" in lines


def test_the_overview_counts_features_by_level() -> None:
    lines = tables.overview(EXAMPLE, SMALL).splitlines()
    assert lines[0] == "From 5 tests on commit 0123456789: 3 passed, 1 failed, 1 skipped."
    assert lines[2:] == [
        "| part | real run | API server | mocks | not run |",
        "| --- | --- | --- | --- | --- |",
        "| Training: Job | 1 |  |  | 1 |",
        "| Training: MPI |  | 1 |  | 1 |",
        "| Queues |  |  |  | 1, 1 failed |",
    ]


def test_the_page_says_which_part_ran_on_which_commit() -> None:
    other = results.Part(name="platform-queues", outcome="passed", commit="f" * 40)
    two = Run(parts=(other, *EXAMPLE.parts), tests=EXAMPLE.tests)
    assert "| `unit` | 0123456789 | 1 min 1 s | 3 passed, 1 failed, 1 skipped |" in tables.page(two, SMALL).splitlines()
    assert tables.origin(two).startswith("From 5 tests on commits ffffffffff and 0123456789: ")


def test_without_a_record_every_row_says_so() -> None:
    assert "No run of the tests has been recorded" in tables.page(None)
    assert "real run" not in tables.overview(None).replace("| real run |", "")


def test_what_is_between_the_marks_is_replaced() -> None:
    text = f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n"
    made = tables.with_overview(text, EXAMPLE)
    assert "old" not in made
    assert made.startswith("before\n")
    assert made.endswith("after\n")
    assert tables.with_overview(made, EXAMPLE) == made
    with pytest.raises(ValueError, match="lacks"):
        tables.with_overview("no marks", EXAMPLE)


# -- those of this repository ----------------------------------------------------------------------------------


def test_what_is_recorded_ran_to_its_end_on_a_commit() -> None:
    recorded = results.read()
    if recorded is None:
        pytest.skip("no run is recorded")
    assert recorded == results.merged(None, recorded)
    assert {part.name for part in recorded.parts} == {result.part for result in recorded.tests}


def test_the_pages_are_in_step_with_the_results() -> None:
    for page, text in pages().items():
        assert page.read_text() == text, "run: python -m tests.proof"


def test_every_row_has_a_name_of_its_own() -> None:
    parts = [part for area in AREAS for part in area.parts]
    assert len(parts) == len(PARTS)
    for part in parts:
        assert len(set(part.features)) == len(part.features)
        assert (results.ROOT / "docs" / part.more).is_file()
        assert not any("|" in text for text in (part.title, *part.features))
