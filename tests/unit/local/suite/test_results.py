"""From pytest's reports to the file of results and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.suite.results import Part, Result, Run, as_text, merged, read, read_report, totals, write

REPORT = """\
<testsuites><testsuite>
  <testcase classname="tests.a" name="test_x" time="1.239">
    <properties>
      <property name="test" value="tests/a.py::test_x"/>
      <property name="proves" value="[&quot;gpu&quot;, &quot;MIG&quot;, &quot;mocks&quot;]"/>
    </properties>
  </testcase>
  <testcase classname="tests.a" name="test_y" time="0.1">
    <properties><property name="test" value="tests/a.py::test_y"/></properties>
    <skipped message="no GPU"/>
  </testcase>
  <testcase classname="tests.a" name="test_z" time="0.1">
    <properties><property name="test" value="tests/a.py::test_z"/></properties>
  </testcase>
  <testcase classname="tests.a" name="test_z" time="0.1">
    <properties><property name="test" value="tests/a.py::test_z"/></properties>
    <error message="its clean-up failed"/>
  </testcase>
  <testcase classname="tests.b" name="" time="0"><error message="collection failure"/></testcase>
</testsuite></testsuites>
"""


def test_what_a_report_says_of_each_test(tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    file.write_text(REPORT)
    assert read_report(file) == [
        Result(test="tests/a.py::test_x", outcome="passed", seconds=1.24, proves=(("gpu", "MIG", "mocks"),)),
        Result(test="tests/a.py::test_y", outcome="skipped", seconds=0.1),
        Result(test="tests/a.py::test_z", outcome="failed", seconds=0.1),
        Result(test="tests.b", outcome="failed", seconds=0),
    ]
    assert totals(read_report(file)) == "1 passed, 2 failed, 1 skipped"


def test_a_run_that_left_no_report_has_no_tests(tmp_path: Path) -> None:
    assert read_report(tmp_path / "report.xml") == []


def test_a_run_is_written_in_the_order_of_its_tests_and_read_again(tmp_path: Path) -> None:
    tests = tuple(
        Result(test=name, outcome="passed", seconds=seconds) for name, seconds in (("b", 1), ("a", 0), ("c", 2.5))
    )
    run = Run(parts=(Part(name="unit", outcome="passed", seconds=3),), tests=tests)
    file = tmp_path / "results" / "tests.json"
    write(run, file)
    again = read(file)
    assert again is not None
    assert [result.test for result in again.tests] == ["a", "b", "c"]
    assert again.model_copy(update={"tests": tests}) == run
    lines = [line for line in as_text(run).splitlines() if '"test"' in line]
    assert [json.loads(line.rstrip(","))["test"] for line in lines] == ["a", "b", "c"]


def test_without_a_file_there_is_no_run(tmp_path: Path) -> None:
    assert read(tmp_path / "tests.json") is None


def test_what_a_part_took_counts_when_it_came_to_its_end() -> None:
    run = Run(
        parts=(
            Part(name="a", outcome="failed", seconds=5),
            Part(name="b", outcome="failed", seconds=5, complete=False),
            Part(name="c", outcome="not run", complete=False),
        ),
    )
    assert run.seconds() == {"a": 5}


def result(part: str, name: str) -> Result:
    return Result(test=name, part=part, outcome="passed", seconds=1)


def test_a_part_replaces_its_earlier_self_in_the_record() -> None:
    old = Run(
        parts=(Part(name="a", outcome="failed", commit="1"), Part(name="b", outcome="passed", commit="1")),
        tests=(result("a", "gone"), result("b", "kept")),
    )
    new = Run(parts=(Part(name="a", outcome="passed", commit="2"),), tests=(result("a", "new"),))
    found = merged(old, new)
    assert [(part.name, part.commit) for part in found.parts] == [("a", "2"), ("b", "1")]
    assert sorted(one.test for one in found.tests) == ["kept", "new"]
    assert merged(None, found) == found


@pytest.mark.parametrize(
    "part",
    [
        Part(name="a", outcome="failed", complete=False, commit="2"),
        Part(name="a", outcome="passed", commit="2+"),
        Part(name="a", outcome="passed"),
        Part(name="linter", outcome="passed", commit="2"),
    ],
    ids=["did not end", "changed files", "no history", "no tests"],
)
def test_what_proves_nothing_of_a_commit_is_not_recorded(part: Part) -> None:
    assert merged(None, Run(parts=(part,), tests=(result("a", "new"),))) == Run()
