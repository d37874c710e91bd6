"""What is left running, or locked, after a command was killed: a Pulumi that goes on, and providers without one."""

import contextlib
import json
import math
import os
import signal
from pathlib import Path

from local import processes
from local.progress import Steps
from local.pulumi_cli.installed import PLUGIN_PROGRAM
from local.waiting import wait_until

#: How long a provider whose Pulumi is gone gets to end by itself.
END_SECONDS = 5.0


def lock_holder(lock: Path) -> int | None:
    """The process that holds a lock of Pulumi's file backend; None when it has ended, or the file is half-written.

    After a reboot another program may have its number.
    """
    try:
        holder = json.loads(lock.read_text())["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return holder if processes.name(holder) == "pulumi" else None


def wait_for_updates(state: Path, stack: str, steps: Steps) -> None:
    """Wait until no update of the stack runs, showing which one does, and remove the locks of those that were killed.

    `state`: the folder of Pulumi's file backend.
    """
    for lock in (state / ".pulumi" / "locks").rglob(f"{stack}/*.json"):
        if holder := lock_holder(lock):
            age = f"{processes.age(holder):.0f} s"
            with steps.step(f"wait for another update of stack {stack}: process {holder}, running for {age}") as step:
                step.note = f"('kill -INT {holder}' ends it early; what it has done stays done)"
                wait_until(lambda lock=lock: lock_holder(lock) is None, math.inf, interval=0.5)
        for file in (lock, lock.with_name(f"{lock.name}.attrs")):
            file.unlink(missing_ok=True)


def end_providers(temporary: Path) -> None:
    """End the provider's processes whose Pulumi is gone: what they still do would change what is looked at next.

    `temporary`: the folder in which each process of the provider has a folder, named by its PID.
    """
    for folder in temporary.glob("[0-9]*"):
        pid = int(folder.name)
        parent = processes.parent(pid)
        if processes.name(pid) == PLUGIN_PROGRAM[:15] and (parent is None or processes.name(parent) != "pulumi"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            if not wait_until(lambda pid=pid: processes.start_time(pid) is None, END_SECONDS):
                processes.end(pid)
