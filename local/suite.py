"""`make test`: linters and types beside the unit tests, then the tests on a real cluster."""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
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


def start_checks() -> dict[str, subprocess.Popen[bytes]]:
    """Start the linters; their output goes to `.local/log/<name>.log`."""
    (LOCAL / "log").mkdir(parents=True, exist_ok=True)
    started: dict[str, subprocess.Popen[bytes]] = {}
    for name, words in CHECKS.items():
        with _log(name).open("wb") as sink:
            command = [sys.executable, "-m", *words]
            started[name] = subprocess.Popen(
                command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT
            )
    return started


def _log(name: str) -> Path:
    return LOCAL / "log" / f"{name}.log"


def run(words: Sequence[str]) -> int:
    """Run everything; `words` go to pytest. Returns the exit code, not 0 when anything failed."""
    if platform.system() == "Linux" and os.geteuid() == 0:
        # Before pytest, which would hide the progress of a first build.
        with Steps() as steps:
            prepare(steps)
    checks = start_checks()
    tests = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, check=False).returncode
    failed = {name: code for name, check in checks.items() if (code := check.wait()) != 0}
    for name in failed:
        print(f"\n{name} failed: {process.last_line(_log(name))}\n{_log(name).read_text()}", file=sys.stderr)
    return tests or (1 if failed else 0)
