"""Runs a command for so long and no longer, whatever hangs: `bounded.py SECONDS COMMAND...`, Python alone.

The command is told to end by SIGTERM, and has GRACE_SECONDS to stop what it started. After that its whole session is
killed: also what went into process groups of its own. The clusters of killed tests are stopped last.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 150
CLEANUP_SECONDS = 90
#: What stops the clusters of killed tests.
CLEANUP = (".local/venv/bin/python", "-m", "local", "stop-tests")
TIMED_OUT = 124


class Ended(Exception):  # noqa: N818  (an order, not an error)
    """This program was told to end."""


def members(session: int) -> Iterator[int]:
    """The processes of a session that still run."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # After the name, which may have spaces and brackets: state, parent, process group, session.
            state, _, _, found = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(found) == session and state not in "ZX":
                yield int(folder.name)


def tell(number: signal.Signals, processes: Iterator[int]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def end(running: subprocess.Popen[bytes], grace: float) -> bool:
    """End the command; says whether it had to be killed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline:
        running.poll()
        if not any(members(running.pid)):
            return False
        time.sleep(0.2)
    while any(members(running.pid)):
        tell(signal.SIGKILL, members(running.pid))
        time.sleep(0.2)
    running.wait()
    return True


def run(command: Sequence[str], seconds: float, *, grace: float = GRACE_SECONDS) -> int:
    """Run the command to its end, and no longer; returns its exit code, or 124 when it was ended."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Ended

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    environment = {**os.environ, "CI_BEGAN": str(time.time())}
    with subprocess.Popen(command, env=environment, start_new_session=True) as running:
        try:
            return running.wait(timeout=seconds)
        except (subprocess.TimeoutExpired, Ended) as reason:
            why = f"after {seconds / 60:.0f} min" if isinstance(reason, subprocess.TimeoutExpired) else "on a signal"
            print(f"told to end {why}", file=sys.stderr, flush=True)
            killed = end(running, grace)
    if killed:
        print(f"killed, since it did not end within {grace:.0f} s", file=sys.stderr)
    if killed and Path(CLEANUP[0]).exists():
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(CLEANUP, check=False, timeout=CLEANUP_SECONDS)
    return TIMED_OUT


if __name__ == "__main__":
    sys.exit(run(sys.argv[2:], float(sys.argv[1])))
