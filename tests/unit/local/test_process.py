"""Other programs: what is said of one that fails, and how they end when the command is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import process
from local.errors import Failure
from local.paths import ROOT


def sleeper(log: Path) -> None:
    process.run(["sleep", "60"], log=log, what="sleeping failed", remedy="none")


def test_a_command_that_fails_says_its_last_words() -> None:
    with pytest.raises(Failure, match=r"^sh ended with code 3: no such link; .*; log: .*commands\.log$"):
        process.output(["sh", "-c", "echo no such link >&2; exit 3"])


def test_a_command_that_is_missing_is_named() -> None:
    with pytest.raises(Failure, match="no-such-program could not be run: No such file"):
        process.output(["/no-such-program"])


def test_a_program_that_says_nothing_has_no_last_words(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="it failed: no output"):
        process.run(["false"], log=tmp_path / "log", what="it failed", remedy="none")


def test_a_policy_that_refuses_is_what_went_wrong_and_an_earlier_refusal_is_not(tmp_path: Path) -> None:
    log = tmp_path / "log"
    said = (
        "Policies:\n  - [mandatory]  has-budget  (Deployment: s3)\nDiagnostics:\n  error: update failed\nDuration: 1s"
    )
    with pytest.raises(Failure, match=r"up failed: refused by the policy has-budget  \(Deployment: s3\)"):
        process.run(["sh", "-c", f"echo '{said}'; exit 255"], log=log, what="up failed", remedy="none")
    with pytest.raises(Failure, match="up failed: error: no cluster"):
        process.run(["sh", "-c", "echo 'error: no cluster'; exit 255"], log=log, what="up failed", remedy="none")


def test_a_failure_ends_the_programs_that_run_beside_it(tmp_path: Path) -> None:
    def fails() -> None:
        time.sleep(0.2)
        raise Failure("no network", "try again")

    started = time.monotonic()
    with pytest.raises(Failure, match="no network"):
        process.side_by_side(lambda: sleeper(tmp_path / "log"), fails, workers=2)
    assert time.monotonic() - started < 20


def test_jobs_that_wait_are_not_begun_after_a_failure(tmp_path: Path) -> None:
    begun: list[str] = []

    def fails() -> None:
        raise Failure("no network", "try again")

    with pytest.raises(Failure, match="no network"):
        process.side_by_side(fails, lambda: sleeper(tmp_path / "log"), lambda: begun.append("third"), workers=1)
    assert begun == []


#: As a shell starts what it puts into the background.
DEAF = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")


@pytest.mark.parametrize(
    ("before", "signals"),
    [
        ((), [signal.SIGINT]),
        ((), [signal.SIGTERM] * 3),
        (DEAF, [signal.SIGTERM]),
        (DEAF, [signal.SIGINT, signal.SIGTERM]),
    ],
    ids=["interrupt", "terminate", "background", "background-interrupt"],
)
def test_an_interrupted_program_comes_to_its_own_end(
    tmp_path: Path, before: tuple[str, ...], signals: list[signal.Signals]
) -> None:
    """As Pulumi, which saves its state: it is told once, and awaited, however often `make` and `timeout` say it."""
    child = f"trap 'sleep 1; echo saved > {tmp_path}/state; exit 1' INT; echo begun; while :; do sleep 0.1; done"
    program = f"""
import pathlib, signal, sys
from local import process
process.interrupt_on((signal.SIGINT, signal.SIGTERM))
process.run(["sh", "-c", {child!r}], log=pathlib.Path({str(tmp_path / "log")!r}), what="x", remedy="y", on_line=print)
"""
    with subprocess.Popen(
        [*before, sys.executable, "-u", "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as command:
        try:
            assert command.stdout is not None
            assert command.stdout.readline() == "begun\n"
            for number in signals:
                command.send_signal(number)
                time.sleep(0.1)
            assert command.wait(timeout=30) != 0
        finally:
            command.kill()
    assert (tmp_path / "state").read_text() == "saved\n"
