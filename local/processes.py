"""Processes of the machine by their PIDs."""

import contextlib
import os
import signal
import time
from pathlib import Path

from local.waiting import wait_until

#: The environment variables that a spawned program gets: none of the user's but those that are about the machine
#: itself. The proxies are for containerd, which pulls images of the user's registries.
INHERITED = frozenset(("PATH", "LANG", "LC_ALL", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"))


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is no such process, or only its zombie."""
    words = _status(pid)
    return None if words is None else int(words[19])


def age(pid: int) -> float:
    """For how many seconds a process has been running; 0 when there is no such process."""
    started = start_time(pid)
    return 0.0 if started is None else time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")


def name(pid: int) -> str | None:
    """The name of a running process as the kernel has it, its first 15 characters; None when there is none."""
    try:
        return None if _status(pid) is None else Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


def parent(pid: int) -> int | None:
    words = _status(pid)
    return None if words is None else int(words[1])


def _status(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third, the state, on; None for no process and for a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold spaces.
    words = text.rpartition(")")[2].split()
    return None if words[0] in "ZX" else words


def spawn(command: list[str], log: Path) -> int:
    """Start a program that outlives this one, in a session of its own; returns its PID."""
    return os.posix_spawnp(
        command[0],
        command,
        {name: value for name, value in os.environ.items() if name.upper() in INHERITED},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def first_child(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return None
    return int(children[0]) if children else None


def end(pid: int) -> None:
    """Kill a process and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: start_time(pid) is None, 10)
