"""`make test`: linters, types and the tests that need no cluster, and beside them the tests on a real one.

Tests on a cluster wait for it most of the time; what needs no cluster fills these waits.
"""

import os
import platform
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from local import process
from local.commands.prepare import prepare
from local.errors import Failure
from local.paths import LOCAL, ROOT
from local.progress import Steps

CHECKS: dict[str, Sequence[str]] = {
    "ruff": ("ruff", "check", "."),
    "ruff-format": ("ruff", "format", "--check", "."),
    "pyright": ("pyright",),
}
#: The tests on an embedded cluster share it: one process. All others run on all cores.
#: Those of the whole platform (`make test-platform`) are not among them: their operators compile for half an hour.
PHASES: dict[str, Sequence[str]] = {
    # A file's tests share what they look at: they stay on one core.
    "unit": ("--numprocesses=auto", "--dist=loadfile", "tests/unit", "tests/policy", "tests/aws", "tests/tools"),
    "cluster": ("tests/cluster", "tests/e2e"),
}
_COLLECTED = re.compile(r"^collected (\d+) items|workers \[(\d+) items\]")
_OUTCOME = re.compile(r"(?:^| )(?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?: |$)")
_REPORT = re.compile(r"^=+ (?:FAILURES|ERRORS) =+$", re.MULTILINE)


def _log(name: str) -> Path:
    return LOCAL / "log" / f"{name}.log"


def _counts(name: str) -> Path:
    """Where pytest leaves its counts. There is no file when it did not come to its end."""
    return LOCAL / "log" / f"{name}.xml"


def _module(name: str, words: Sequence[str], on_line: Callable[[str], None] | None = None) -> None:
    """Run a Python module, its output in a log that begins with it. Raises Failure when it fails."""
    _log(name).unlink(missing_ok=True)
    process.run(
        [sys.executable, "-u", "-m", *words],
        cwd=ROOT,
        log=_log(name),
        what=f"{name} failed",
        remedy="see below",
        on_line=on_line,
    )


def check(name: str, steps: Steps) -> None:
    """Run one linter. Raises Failure when it finds a fault."""
    with steps.step(name):
        _module(name, CHECKS[name])


def phase(name: str, steps: Steps) -> None:
    """Run one set of tests, showing how far it is. Raises Failure when one of them fails."""
    with steps.step(f"{name} tests") as step:

        def count(line: str) -> None:
            if collected := _COLLECTED.search(line):
                step.total = int(collected[1] or collected[2])
            step.done += bool(_OUTCOME.search(line))

        _counts(name).unlink(missing_ok=True)
        _module(name, ("pytest", "--verbose", f"--junitxml={_counts(name)}", *PHASES[name]), count)


def report(log: str) -> str:
    """The part of an output that says what is wrong: what pytest reports of failures, else its last lines."""
    found = _REPORT.search(log)
    return log[found.start() :] if found else "\n".join(log.splitlines()[-40:])


def skipped(log: str) -> list[str]:
    """The lines of pytest's summary that say which tests did not run here, and why."""
    return [line for line in log.splitlines() if re.match(r"SKIPPED \[\d+\] ", line)]


def totals(reports: Iterable[Path]) -> str:
    """The counts of several pytest runs as one line: `N passed, N failed, N skipped`."""
    counted: Counter[str] = Counter()
    for file in reports:
        for suite in ElementTree.parse(file).iter("testsuite"):  # noqa: S314  (our own pytest wrote it)
            counted.update({name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")})
    failed = counted["failures"] + counted["errors"]
    passed = counted["tests"] - failed - counted["skipped"]
    return f"{passed} passed, {failed} failed, {counted['skipped']} skipped"


def chosen(words: Sequence[str]) -> int:
    """Run pytest on the screen, with the user's own words; returns its exit code."""
    # In a group of its own it hears of an interrupt once, from us, and may take its time to stop the cluster.
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *words], cwd=ROOT, stdin=subprocess.DEVNULL, process_group=0
    ) as running:
        try:
            return running.wait()
        except KeyboardInterrupt:
            running.send_signal(signal.SIGINT)
            running.wait()
            raise


def run(words: Sequence[str]) -> int:
    """Run everything, or with `words` one pytest on them. Returns the exit code, not 0 when anything failed."""
    if words:
        return chosen(words)
    failed: dict[str, Failure] = {}

    def attempt(name: str, job: Callable[[str, Steps], None]) -> None:
        try:
            job(name, steps)
        except Failure as failure:
            failed[name] = failure

    def without_cluster() -> None:
        for name in CHECKS:
            attempt(name, check)
        attempt("unit", phase)

    with Steps() as steps:
        if platform.system() == "Linux" and os.geteuid() == 0:
            # Before the tests, which would hide the progress of a first build.
            prepare(steps)
        process.side_by_side(lambda: attempt("cluster", phase), without_cluster)
    for name in failed:
        print(f"\n--- {name} ---\n{report(_log(name).read_text(errors='replace'))}", file=sys.stderr)
    for name in PHASES:
        for line in skipped(_log(name).read_text(errors="replace")):
            print(line)
    print(totals(_counts(name) for name in PHASES if _counts(name).exists()))
    if failed:
        print(f"failed: {', '.join(f'{name} ({_log(name)})' for name in failed)}", file=sys.stderr)
    return 1 if failed else 0
