"""The commands: `make test`, `make test-groups`, `make test-all`, and what CI runs.

Tests on a cluster wait for it most of the time; what needs no cluster fills these waits.
"""

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from local import process
from local.commands.prepare import prepare
from local.errors import Failure
from local.mirror import making
from local.paths import ROOT
from local.progress import Steps
from local.suite import history, leftovers, parts, results, schedule, summary
from local.suite.groups import GROUPS, Group, chosen
from local.suite.results import Part, Run

CHECKS: dict[str, Sequence[str]] = {
    "ruff": ("ruff", "check", "."),
    "ruff-format": ("ruff", "format", "--check", "."),
    "imports": ("tests.imports",),
    "pyright": ("pyright",),
}
#: The tests on an embedded cluster share it: one process. All others run on all cores.
PHASES: dict[str, Sequence[str]] = {
    # A file's tests share what they look at: they stay on one core.
    "unit": ("--numprocesses=auto", "--dist=loadfile", "tests/unit", "tests/policy", "tests/aws", "tests/tools"),
    "cluster": ("tests/cluster", "tests/e2e"),
}
BASE = (*CHECKS, *PHASES)


def pytest(words: Sequence[str]) -> int:
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


def test() -> int:
    """Linters, types, and the tests that need no mirror. Returns the exit code, not 0 when anything failed."""
    with _run(BASE) as (done, steps):
        _base(done, steps)
    return _code(done)


def test_groups(words: Sequence[str]) -> int:
    """The groups of these names or families, all without a word, with what the mirror lacks for them built first."""
    groups = chosen(words, GROUPS)
    with _run([group.name for group in groups]) as (done, steps):
        _build(groups, steps)
        for group in groups:
            _group(group, done, steps)
    return _code(done)


def test_all() -> int:
    """Everything, on any machine; what came of it is recorded in `docs/results/tests.json`."""
    with _run((*BASE, *(group.name for group in GROUPS)), record=True) as (done, steps):
        # Before the tests without a cluster too: some of them use programs of the mirror.
        _build(GROUPS, steps)
        _base(done, steps)
        for group in GROUPS:
            _group(group, done, steps)
    return _code(done)


def ci(began: float) -> int:
    """`make test`, then group after group until the time is over that began at `began`, in seconds since 1970."""
    groups = schedule.order(history.changes(GROUPS), history.turn())
    last = results.read()
    taken = last.seconds() if last else {}
    with _run((*BASE, *(group.name for group in groups))) as (done, steps):
        _base(done, steps)
        for group in groups:
            elapsed = time.time() - began
            if why := why_no_cluster() or schedule.lacks(_missing(group)) or schedule.no_time(group, elapsed, taken):
                done.append(Part(name=group.name, outcome="not run", complete=False, why=why))
            else:
                _group(group, done, steps, schedule.limit(elapsed))
    return _code(done)


# -- parts of a run --------------------------------------------------------------------------------------------


def _base(done: list[Part], steps: Steps) -> None:
    def without_cluster() -> None:
        for name, words in CHECKS.items():
            done.append(parts.run_linter(name, words, steps))
        done.append(parts.run_tests("unit", PHASES["unit"], steps))

    def on_cluster() -> None:
        done.append(parts.run_tests("cluster", PHASES["cluster"], steps))

    if not why_no_cluster():
        # Before the tests, which would hide the progress of a first build.
        prepare(steps)
    process.side_by_side(on_cluster, without_cluster)


def _build(groups: Sequence[Group], steps: Steps) -> None:
    if why := why_no_cluster():
        raise Failure(f"the groups of tests cannot run here: {why}", "run them as root on Linux")
    prepare(steps)
    making.build({entry for group in groups for entry in group.entries}, steps)


def _group(group: Group, done: list[Part], steps: Steps, seconds: float | None = None) -> None:
    part = parts.run_tests(group.name, group.tests, steps, seconds)
    done.append(part)
    if not part.complete:
        leftovers.stop_test_clusters()


def _missing(group: Group) -> list[str]:
    return [entry for entry in group.entries if making.missing([entry])]


def why_no_cluster() -> str:
    """Why this machine runs no embedded cluster; empty when it does."""
    return "" if platform.system() == "Linux" and os.geteuid() == 0 else "the embedded cluster needs Linux and root"


# -- the end of a run ------------------------------------------------------------------------------------------


@contextmanager
def _run(planned: Sequence[str], *, record: bool = False) -> Generator[tuple[list[Part], Steps]]:
    """A run of these parts; whatever ends it, the last lines say what came of it."""
    commit, done, why = history.commit(), list[Part](), "interrupted"
    for name in planned:
        parts.report_of(name).unlink(missing_ok=True)
    try:
        with Steps() as steps:
            yield done, steps
    except Failure as failure:
        why = str(failure)
        raise
    finally:
        ended = summary.with_rest(sorted(done, key=lambda part: planned.index(part.name)), planned, why)
        _conclude(commit, ended, record=record)


def _conclude(commit: str, ended: Sequence[Part], *, record: bool) -> None:
    run = Run(
        parts=tuple(part.model_copy(update={"commit": commit}) for part in ended),
        tests=tuple(
            result.model_copy(update={"part": part.name})
            for part in ended
            for result in results.read_report(parts.report_of(part.name))
        ),
    )
    results.write(run, results.LAST_RUN)
    if record:
        results.write(results.merged(results.read(), run), results.RECORD)
    for part in ended:
        if part.outcome == "not run" or (part.name in CHECKS and part.outcome == "passed"):
            continue
        log = parts.log_of(part.name).read_text(errors="replace")
        if part.outcome == "failed":
            print(f"\n--- {part.name} ---\n{parts.failing_part(log)}")
        for line in parts.skipped(log):
            print(line)
    print(*summary.last_lines(run), sep="\n", flush=True)


def _code(done: Sequence[Part]) -> int:
    return 1 if any(part.outcome == "failed" for part in done) else 0
