"""What came of a run, test by test: read from pytest's reports, written as one file that others make tables of.

`tests/conftest.py` notes in each test's report its name and what it proves, as properties.
"""

import json
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from local.paths import LOCAL, ROOT

#: What came of each part when it last ran to its end on a commit. It is committed.
RECORD = ROOT / "docs" / "results" / "tests.json"
#: What came of the last command, whatever it ran.
LAST_RUN = LOCAL / "log" / "results.json"
#: The properties of a test's report.
NAME, PROOF = "test", "proves"
#: The worst counts where a test has several reports: it may pass, and its clean-up fail.
SEVERITY = ("passed", "skipped", "failed")
Outcome = Literal["passed", "skipped", "failed"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Result(_Record):
    """What came of one test. `proves`: what it shows, each as `[part, feature, level]` (tests/proof/features.py)."""

    test: str
    part: str = ""
    outcome: Outcome
    seconds: float
    proves: tuple[tuple[str, ...], ...] = ()


class Part(_Record):
    """A part of a run: a linter, the tests without a cluster, or a group.

    `outcome` is `passed`, `failed` or `not run`. `complete`: it ran to its end. `why` says why it did not, or did not
    run at all. `commit` is what it ran on, with `+` where files differed from it.
    """

    name: str
    commit: str = ""
    outcome: Literal["passed", "failed", "not run"]
    seconds: float = 0
    complete: bool = True
    why: str = ""


class Run(_Record):
    """What came of the parts of a run, and of all their tests."""

    parts: tuple[Part, ...] = ()
    tests: tuple[Result, ...] = ()

    def seconds(self) -> dict[str, float]:
        """What each part took that ran to its end."""
        return {part.name: part.seconds for part in self.parts if part.complete and part.outcome != "not run"}


def read_report(file: Path) -> list[Result]:
    """The tests of one pytest run. There is no file when it did not come to its end."""
    if not file.exists():
        return []
    found: dict[str, Result] = {}
    for case in ElementTree.parse(file).iter("testcase"):  # noqa: S314  (our own pytest wrote it)
        result = _result(case)
        earlier = found.get(result.test)
        found[result.test] = max(earlier, result, key=_severity) if earlier else result
    return list(found.values())


def _severity(result: Result) -> int:
    return SEVERITY.index(result.outcome)


def _result(case: ElementTree.Element) -> Result:
    properties = [(one.get("name"), one.get("value", "")) for one in case.iter("property")]
    # What fails while it is collected has no properties.
    unnamed = "::".join(filter(None, (case.get("classname"), case.get("name"))))
    failed = case.find("failure") is not None or case.find("error") is not None
    return Result(
        test=next((value for name, value in properties if name == NAME), unnamed),
        outcome="failed" if failed else "passed" if case.find("skipped") is None else "skipped",
        seconds=round(float(case.get("time", 0)), 2),
        proves=tuple(tuple(json.loads(value)) for name, value in properties if name == PROOF),
    )


def merged(record: Run | None, run: Run) -> Run:
    """The record with the parts of a run in place of earlier ones.

    Left out are those without tests, and those that did not run to their end on a commit.
    """
    tested = {result.part for result in run.tests}
    new = [
        part
        for part in run.parts
        if part.complete and part.name in tested and part.commit and not part.commit.endswith("+")
    ]
    names = {part.name for part in new}
    old = record or Run()
    return Run(
        parts=tuple(sorted([*(one for one in old.parts if one.name not in names), *new], key=lambda part: part.name)),
        tests=(
            *(result for result in old.tests if result.part not in names),
            *(result for result in run.tests if result.part in names),
        ),
    )


def totals(tests: Iterable[Result]) -> str:
    """The counts as one line: `N passed, N failed, N skipped`."""
    counted = Counter(result.outcome for result in tests)
    return f"{counted['passed']} passed, {counted['failed']} failed, {counted['skipped']} skipped"


def as_text(run: Run) -> str:
    """A run as JSON, a test a line, in the order of their names: two runs differ where what came of them does."""
    head = run.model_dump_json(exclude={"tests"}, indent=1)
    tests = sorted(run.tests, key=lambda result: result.test)
    lines = ",\n".join(f"  {result.model_dump_json(exclude_defaults=True)}" for result in tests)
    return f'{head[:-2]},\n "tests": [\n{lines}\n ]\n}}\n'


def write(run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(as_text(run))


def read(file: Path | None = None) -> Run | None:
    """A run from its file, otherwise the record; None where there is none."""
    place = file or RECORD
    return Run.model_validate_json(place.read_text()) if place.exists() else None
