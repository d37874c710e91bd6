"""One part of a run: a linter or a pytest, its output in a log and its tests in a report."""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from local import process
from local.errors import Failure
from local.paths import LOCAL, ROOT
from local.progress import Steps
from local.suite.results import Part

#: With this code pytest ends when all tests ran and some failed; with others it did not come to its end.
TESTS_FAILED = 1
#: How long an interrupted pytest may take to stop its cluster.
CLEANUP_SECONDS = 90
_COLLECTED = re.compile(r"^collected (\d+) items?|workers \[(\d+) items?\]")
_OUTCOME = re.compile(r"(?:^| )(?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?: |$)")
_REPORT = re.compile(r"^=+ (?:FAILURES|ERRORS) =+$", re.MULTILINE)


def log_of(name: str) -> Path:
    return LOCAL / "log" / f"{name}.log"


def report_of(name: str) -> Path:
    """Where pytest leaves what came of its tests. There is no file when it did not come to its end."""
    return LOCAL / "log" / f"{name}.xml"


def run_linter(name: str, words: Sequence[str], steps: Steps) -> Part:
    """Run a linter, a Python module with its arguments."""
    return _part(name, name, words, steps)


def run_tests(name: str, words: Sequence[str], steps: Steps, seconds: float | None = None) -> Part:
    """Run pytest with these words, showing how far it is; after `seconds` it is interrupted, then killed."""
    report_of(name).unlink(missing_ok=True)
    return _part(
        name, f"{name} tests", ("pytest", "--verbose", f"--junitxml={report_of(name)}", *words), steps, seconds
    )


def _part(name: str, title: str, words: Sequence[str], steps: Steps, seconds: float | None = None) -> Part:
    log_of(name).unlink(missing_ok=True)
    command: tuple[str, ...] = (sys.executable, "-u", "-m", *words)
    if seconds is not None:
        command = ("timeout", "--signal=INT", f"--kill-after={CLEANUP_SECONDS}", f"{seconds:.0f}", *command)
    started = time.monotonic()
    try:
        with steps.step(title) as step:

            def count(line: str) -> None:
                if collected := _COLLECTED.search(line):
                    step.total = int(collected[1] or collected[2])
                step.done += bool(_OUTCOME.search(line))

            process.run(command, cwd=ROOT, log=log_of(name), what=f"{name} failed", remedy="see its log", on_line=count)
    except Failure as failure:
        took = time.monotonic() - started
        late = f"ended after {took / 60:.0f} min; " if seconds is not None and took >= seconds else ""
        return Part(
            name=name,
            outcome="failed",
            seconds=round(took, 1),
            complete=failure.code == TESTS_FAILED,
            why=f"{late}log: {log_of(name).relative_to(LOCAL.parent)}",
        )
    return Part(name=name, outcome="passed", seconds=round(time.monotonic() - started, 1))


def failing_part(log: str) -> str:
    """The part of an output that says what is wrong: what pytest reports of failures, otherwise its last lines."""
    found = _REPORT.search(log)
    return log[found.start() :] if found else "\n".join(log.splitlines()[-40:])


def skipped(log: str) -> list[str]:
    """The lines of pytest's summary that say which tests did not run here, and why."""
    return [line for line in log.splitlines() if re.match(r"SKIPPED \[\d+\] ", line)]
