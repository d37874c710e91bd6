"""Processes of a distributed training on this machine: started, watched by their log, killed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parents[3] / "images"


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process and the file that its output goes to."""

    run: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The logged events of a name."""
        lines = [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def wait_for(self, done: Callable[[Process], object], seconds: float = 120) -> None:
        """Wait until the log says so. Fails when the process ends before."""
        deadline = time.monotonic() + seconds
        while not done(self):
            assert self.run.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)

    def wait(self, seconds: float = 120) -> int:
        """The exit code, waited for."""
        return self.run.wait(timeout=seconds)


@contextmanager
def started(
    module: str, argv: Sequence[str], environs: Sequence[Mapping[str, str]], logs: Path
) -> Generator[list[Process]]:
    """A process for each of `environs`; those that still run at the end are killed."""
    processes: list[Process] = []
    logs.mkdir(parents=True, exist_ok=True)
    try:
        for number, environ in enumerate(environs):
            log = logs / f"{number}.log"
            with log.open("wb") as output:
                run = subprocess.Popen(
                    [sys.executable, "-m", module, *argv],
                    cwd=IMAGES,
                    env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", **environ},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            processes.append(Process(run=run, log=log))
        yield processes
    finally:
        for process in processes:
            process.run.kill()
            process.run.wait()


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
