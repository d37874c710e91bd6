"""Long work that shows what is running, how far it is and for how long.

A live display on a terminal; plain lines with the elapsed time where there is none (CI, a pipe).
"""

import json
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

PLAIN_INTERVAL_SECONDS = 30.0


class Step:
    """A piece of work under way. `total` and `done` count whatever the work counts (packages, files)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.note = ""
        self.done = 0
        self.total: int | None = None
        self.started = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def describe(self) -> str:
        parts = [self.name]
        if self.total:
            parts.append(f"{min(self.done, self.total)}/{self.total}")
        if self.note:
            parts.append(self.note)
        return "  ".join(parts)


class Steps:
    """The display of all steps of one command; use it as a context manager. Steps may run in threads."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.live = self.console.is_terminal
        self.timings: dict[str, float] = {}
        self._running: dict[Step, int] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._bars = Progress(
            SpinnerColumn(),
            # What a program says may have brackets.
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> "Steps":
        if self.live:
            self._bars.start()
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._ticker.join()
        if self.live:
            self._bars.stop()

    def say(self, line: str) -> None:
        """A line that stays on the screen."""
        self.console.print(line, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Generator[Step]:
        """Show `name` as running until the block ends; say how long it took, or that it failed."""
        step = Step(name)
        with self._lock:
            self._running[step] = self._bars.add_task(name, total=None) if self.live else 0
        if not self.live:
            self.say(f"  ...  {name}")
        outcome = "failed"
        try:
            yield step
            outcome = "ok"
        finally:
            with self._lock:
                task = self._running.pop(step)
                if self.live:
                    self._bars.remove_task(task)  # pyright: ignore[reportArgumentType]
                self.timings[name] = step.seconds()
            self.say(f"{outcome:>6} {step.seconds():6.1f}s  {name}")

    def write_timings(self, file: Path) -> None:
        """What each step took, in seconds, for the benchmarks."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.timings, indent=2) + "\n")

    def _tick(self) -> None:
        last = time.monotonic()
        while not self._stop.wait(0.2):
            with self._lock:
                running = dict(self._running)
                if self.live:
                    for step, task in running.items():
                        self._bars.update(
                            task,  # pyright: ignore[reportArgumentType]
                            description=step.describe(),
                            completed=step.done,
                            total=step.total,
                        )
            if not self.live and time.monotonic() - last >= PLAIN_INTERVAL_SECONDS:
                last = time.monotonic()
                for step in running:
                    self.say(f"  ...  {step.describe()}  ({step.seconds():.0f}s so far)")
                sys.stderr.flush()
