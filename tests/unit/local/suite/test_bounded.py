"""`.ci/bounded.py`: a command that ends by itself, one that is told to end, one that does not listen."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from local.paths import ROOT
from local.waiting import wait_until

BOUNDED = ROOT / ".ci" / "bounded.py"
#: As long as no test waits.
LONG = 300


def bounded(program: str, *, seconds: float, grace: float = 20) -> str:
    """The source of a program that runs a shell's `program` with these limits."""
    return f"""
import sys
sys.path.insert(0, {str(BOUNDED.parent)!r})
import bounded
sys.exit(bounded.run(["bash", "-c", {program!r}], {seconds}, grace={grace}))
"""


def run(tmp_path: Path, program: str, *, seconds: float = LONG, grace: float = 20) -> tuple[int, str]:
    """Exit code and standard error, run in a folder that has no clusters."""
    done = subprocess.run(
        [sys.executable, "-c", bounded(program, seconds=seconds, grace=grace)],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


def gone(pid: int) -> bool:
    """Whether no process has the number, or only one that nobody has waited for."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def test_a_command_that_ends_by_itself_keeps_its_exit_code(tmp_path: Path) -> None:
    assert run(tmp_path, "exit 3") == (3, "")


def test_a_command_knows_when_it_began(tmp_path: Path) -> None:
    before = time.time()
    assert run(tmp_path, 'echo "$CI_BEGAN" > began') == (0, "")
    assert before <= float((tmp_path / "began").read_text()) <= time.time()


def test_a_command_that_takes_too_long_is_told_to_end(tmp_path: Path) -> None:
    code, said = run(tmp_path, f"trap 'touch tidy; exit' TERM; sleep {LONG} & wait", seconds=1)
    assert code == 124
    assert said == "told to end after 0 min\n"
    assert (tmp_path / "tidy").exists()


def test_what_does_not_listen_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    # One process in a group of its own, as the runner of the tests starts its pytest.
    child = f"set -m; (trap '' TERM; echo $BASHPID > child; sleep {LONG}) & trap '' TERM; sleep {LONG}"
    code, said = run(tmp_path, child, seconds=2, grace=1)
    assert code == 124
    assert said == "told to end after 0 min\nkilled, since it did not end within 1 s\n"
    assert gone(int((tmp_path / "child").read_text()))


def test_an_order_to_end_is_passed_on(tmp_path: Path) -> None:
    program = f"trap 'touch tidy; exit' TERM; echo $$ > began; sleep {LONG} & wait"
    with subprocess.Popen(
        [sys.executable, "-c", bounded(program, seconds=LONG)], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as running:
        try:
            assert wait_until((tmp_path / "began").exists, 60), "the command did not begin"
            running.terminate()
            assert running.wait(timeout=60) == 124
        finally:
            running.kill()
    assert (tmp_path / "tidy").exists()
