"""Processes of the machine by their PIDs."""

import contextlib
import os
import signal
from pathlib import Path

from local.waiting import wait_until

#: What the node's programs see of the environment: nothing of the user's that is not about the machine itself. The
#: proxies are for containerd, which pulls images of the user's registries.
INHERITED = frozenset(("PATH", "LANG", "LC_ALL", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"))


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is no such process, or only its zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold spaces.
    words = text.rpartition(")")[2].split()
    return None if words[0] in "ZX" else int(words[19])


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
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: start_time(pid) is None, 10)
