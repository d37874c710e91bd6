"""`make test`: linters and types, the tests that need no cluster on all cores, then those on a real one."""

import os
import platform
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from local import process
from local.commands import prepare
from local.paths import LOCAL, ROOT
from local.progress import Steps

CHECKS: dict[str, Sequence[str]] = {
    "ruff": ("ruff", "check", "."),
    "ruff-format": ("ruff", "format", "--check", "."),
    "pyright": ("pyright",),
}
#: The tests on the embedded cluster share it: one process. All others run beside each other.
PHASES: dict[str, Sequence[str]] = {
    "unit": ("--numprocesses=auto", "--dist=worksteal", "tests/unit", "tests/policy", "tests/aws"),
    "cluster": ("tests/cluster", "tests/e2e"),
}


def _log(name: str) -> Path:
    return LOCAL / "log" / f"{name}.log"


def check(name: str) -> bool:
    """Run one linter; what it found goes to the screen and to `.local/log/<name>.log`."""
    done = subprocess.run([sys.executable, "-m", *CHECKS[name]], cwd=ROOT, capture_output=True, text=True, check=False)
    _log(name).write_text(done.stdout + done.stderr)
    if done.returncode:
        print(f"{name} failed:\n{done.stdout}{done.stderr}", file=sys.stderr)
    return done.returncode == 0


def pytest(name: str, words: Sequence[str]) -> int:
    """Run pytest, leaving its counts in `.local/log/<name>.xml`; returns its exit code."""
    counts = LOCAL / "log" / f"{name}.xml"
    counts.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", f"--junitxml={counts}", *words]
    # In a group of its own it hears of an interrupt once, from us, and may take its time to stop the cluster.
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, process_group=0) as running:
        try:
            return running.wait()
        except KeyboardInterrupt:
            running.send_signal(signal.SIGINT)
            running.wait()
            raise


def totals(reports: Iterable[Path]) -> str:
    """The counts of several pytest runs as one line: `N passed, N failed, N skipped`."""
    counted: Counter[str] = Counter()
    for report in reports:
        for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314  (our own pytest wrote it)
            counted.update({name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")})
    failed = counted["failures"] + counted["errors"]
    passed = counted["tests"] - failed - counted["skipped"]
    return f"{passed} passed, {failed} failed, {counted['skipped']} skipped"


def run(words: Sequence[str]) -> int:
    """Run everything, or with `words` one pytest on them. Returns the exit code, not 0 when anything failed."""
    _log("x").parent.mkdir(parents=True, exist_ok=True)
    if words:
        return pytest("chosen", words)
    if platform.system() == "Linux" and os.geteuid() == 0:
        # Before pytest, which would hide the progress of a first build.
        with Steps() as steps:
            prepare(steps)
    failed: list[str] = []
    with Steps() as steps:
        for name in CHECKS:
            with steps.step(name):
                if not check(name):
                    failed.append(f"{name} ({process.last_line(_log(name))})")
    failed += [f"{name} tests" for name, phase in PHASES.items() if pytest(name, phase) != 0]
    print(totals(LOCAL / "log" / f"{name}.xml" for name in PHASES))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0
