"""What a killed command leaves running is waited for or ended, and a lock that nobody holds goes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from local import processes
from local.progress import Steps
from local.pulumi_cli import survivors
from local.pulumi_cli.installed import PLUGIN_PROGRAM
from local.waiting import wait_until


@contextmanager
def running(folder: Path, name: str, script: str | None = None) -> Generator[subprocess.Popen[bytes]]:
    """A process of this name: `sleep`, or a shell that runs `script`."""
    program = folder / name
    shutil.copy("/bin/sh" if script else "/bin/sleep", program)
    with subprocess.Popen([program, *(("-c", script) if script else ("60",))]) as process:
        # The kernel lets us go on a moment before the new process has its name.
        assert wait_until(lambda: processes.name(process.pid) == name[:15], 10)
        yield process
        process.kill()


@pytest.mark.parametrize(
    "content",
    ["", "{", "{}", '{"pid": 999999999}', f'{{"pid": {os.getpid()}}}'],
    ids=["empty", "torn", "nobody", "ended", "another program"],
)
def test_a_lock_whose_update_has_ended_is_held_by_nobody(tmp_path: Path, content: str) -> None:
    """The last one is a number that another program has now."""
    (tmp_path / "lock.json").write_text(content)
    assert survivors.lock_holder(tmp_path / "lock.json") is None


def test_an_update_that_still_runs_is_waited_for_and_shown(tmp_path: Path) -> None:
    lock = tmp_path / ".pulumi" / "locks" / "organization" / "ml-platform" / "dev" / "1.json"
    lock.parent.mkdir(parents=True)
    stale, other = lock.with_name("2.json"), lock.parent.with_name("prod") / "3.json"
    other.parent.mkdir()
    lines: list[str] = []

    class Display(Steps):
        def say(self, line: str) -> None:
            lines.append(line)
            if len(lines) == 1:
                update.send_signal(signal.SIGINT)
                update.wait()

    with running(tmp_path, "pulumi") as update:
        lock.write_text(json.dumps({"pid": update.pid}))
        other.write_text(json.dumps({"pid": update.pid}))
        stale.write_text("{")
        assert survivors.lock_holder(lock) == update.pid
        survivors.wait_for_updates(tmp_path, "dev", Display())
    assert f"process {update.pid}, running for" in lines[0]
    assert not lock.exists()
    assert not stale.exists()
    assert other.exists()


def test_without_a_lock_nothing_is_waited_for(tmp_path: Path) -> None:
    survivors.wait_for_updates(tmp_path, "dev", Steps(Console(quiet=True)))


@pytest.mark.parametrize(("parent", "ended"), [("pulumi", False), ("python3", True)])
def test_a_provider_is_ended_when_its_pulumi_is_gone(tmp_path: Path, parent: str, ended: bool) -> None:
    shutil.copy("/bin/sleep", tmp_path / PLUGIN_PROGRAM)
    noted = tmp_path / "pid"
    script = f"'{tmp_path / PLUGIN_PROGRAM}' 60 & echo $! > '{noted}'; wait"
    with running(tmp_path, parent, script):
        assert wait_until(lambda: noted.exists() and noted.read_text().endswith("\n"), 10)
        provider = int(noted.read_text())
        assert wait_until(lambda: processes.name(provider) == PLUGIN_PROGRAM[:15], 10)
        try:
            (tmp_path / "tmp" / str(provider)).mkdir(parents=True)
            (tmp_path / "tmp" / str(os.getpid())).mkdir()  # a number that another program has now
            survivors.end_providers(tmp_path / "tmp")
            assert (processes.start_time(provider) is None) is ended
        finally:
            processes.end(provider)
