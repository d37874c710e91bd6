"""Times of the main job, in a fresh clone: `python -m tests.bench [--cold] [--runs N] [--stack NAME]`.

- cold: empty caches, no Pulumi: everything is downloaded and built. Once, as it takes its time. Debian packages that
  are installed already stay.
- warm: tools and images are there, the cluster is stopped and its stack destroyed. After a cold run too.
- nothing to do: `make up` again.

`--stack platform` is the same with every service of the platform on.

Figures are wall-clock seconds of the whole command as a user runs it, the first prediction included.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from local.paths import ROOT

GIGABYTE = 10**9


def make(clone: Path, target: str, stack: str, *, environment: dict[str, str]) -> float:
    """Seconds that `make TARGET` of a stack took in the clone; it must succeed."""
    words = (target, f"STACK={stack}")
    started = time.monotonic()
    done = subprocess.run(["make", *words], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"make {' '.join(words)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return time.monotonic() - started


@contextmanager
def fresh_clone() -> Generator[Path]:
    """A clone of the committed state, as a new user has it; nothing of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="ml-platform-bench-"))
    try:
        subprocess.run(["git", "clone", "--quiet", ROOT, folder / "clone"], check=True)
        yield folder / "clone"
    finally:
        if (folder / "clone" / ".local").exists():
            subprocess.run(["make", "clean"], cwd=folder / "clone", capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


class DiskWatch:
    """The most disk that was used at a time beyond what was used at the start, in bytes, and what is used now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start = self.used()
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def used(self) -> int:
        return shutil.disk_usage(self.folder).used

    def __enter__(self) -> DiskWatch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(2):
            self.peak = max(self.peak, self.used() - self.start)


def cold_run(clone: Path, stack: str, environment: dict[str, str]) -> dict[str, list[float]]:
    """One run from nothing: its seconds, and the disk used on the way and at the end, in GB."""
    with DiskWatch(clone) as disk:
        seconds = make(clone, "up", stack, environment=environment)
    return {
        "cold make up (s)": [seconds],
        "disk on the way (GB)": [disk.peak / GIGABYTE],
        "disk when done (GB)": [(disk.used() - disk.start) / GIGABYTE],
    }


def warm_runs(clone: Path, stack: str, runs: int, environment: dict[str, str]) -> dict[str, list[float]]:
    """Seconds of `make up` with tools and images there, and with nothing to do. Begins with a running stack."""
    figures: dict[str, list[float]] = {"warm make up (s)": [], "make up, nothing to do (s)": [], "make down (s)": []}
    for _ in range(runs):
        figures["make down (s)"].append(make(clone, "down", stack, environment=environment))
        figures["warm make up (s)"].append(make(clone, "up", stack, environment=environment))
        figures["make up, nothing to do (s)"].append(make(clone, "up", stack, environment=environment))
    make(clone, "down", stack, environment=environment)
    return figures


@click.command()
@click.option("--cold", is_flag=True, help="From empty caches; takes some twenty minutes.")
@click.option("--runs", default=3, show_default=True, help="Warm runs.")
@click.option("--stack", default="dev", show_default=True, help="The stack to bring up.")
def main(cold: bool, runs: int, stack: str) -> None:
    """Measure the way from a clone to a prediction on this machine."""
    with fresh_clone() as clone:
        commit = _commit(clone)
        environment = dict(os.environ)
        figures: dict[str, list[float]] = {}
        if cold:
            environment["ML_PLATFORM_CACHE"] = str(clone.parent / "cache")
            figures = cold_run(clone, stack, environment)
        else:
            make(clone, "up", stack, environment=environment)
        figures |= warm_runs(clone, stack, runs, environment)
    table = Table(title=f"{os.cpu_count()} cores, stack {stack}, commit {commit}", title_justify="left")
    for column in ("what", "median", "least", "most", "runs"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, values in figures.items():
        table.add_row(
            what,
            *(f"{value:.1f}" for value in (statistics.median(values), min(values), max(values))),
            str(len(values)),
        )
    Console().print(table)


def _commit(clone: Path) -> str:
    """What is measured, whatever is committed meanwhile."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(asked, cwd=clone, check=True, capture_output=True, text=True)
    return done.stdout.strip()
