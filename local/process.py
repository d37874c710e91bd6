"""Running other programs: output goes to a log, failures become a `Failure` that names it, an interrupt ends them."""

import concurrent.futures
import contextlib
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from local import locking
from local.errors import Failure
from local.paths import LOCAL
from local.waiting import wait_until

#: Signals within so short a time are one order.
REPEATED_SECONDS = 3.0
#: What `run` has started and not yet seen end.
_running: set[subprocess.Popen[str]] = set()


def last_line(log: Path) -> str:
    """The last line of a log that says something, for a one-line failure message."""
    lines = log.read_text(errors="replace").splitlines()
    # `run` notes each command line before its output; what is above the last one is of an earlier command.
    started = max((number for number, line in enumerate(lines) if line.startswith("$ ")), default=-1)
    return last_words(lines[started + 1 :])


def last_words(lines: Iterable[str]) -> str:
    """The last line of an output that says something: what it calls an error, if it does."""
    said = [line.strip() for line in lines if line.strip()]
    # A policy that refuses is no error to Pulumi, which then says no more than that the update failed.
    refusals = [line for line in said if line.startswith("- [mandatory]")]
    if refusals:
        return f"refused by the policy {refusals[-1].removeprefix('- [mandatory]').strip()}"[:300]
    # Pulumi ends with how long it took, whatever went wrong.
    errors = [line for line in said if line.startswith("error: ")]
    return (errors or said or ["no output"])[-1][:300]


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    what: str,
    remedy: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run `command` with its output appended to `log`; each line is also handed to `on_line`.

    Raises `Failure` with `what`, the last line of the output and `remedy` when it does not exit with 0. An interrupt
    is passed on, and the program's end awaited: Pulumi saves its state then. A second one kills it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as sink:
        sink.write(f"$ {' '.join(os.fspath(word) for word in command)}\n")
        sink.flush()
        try:
            with subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=None if env is None else dict(env),
                cwd=cwd,
                pass_fds=locking.inherited(),
                # The terminal's interrupt comes from us alone: Pulumi drops everything on a second one.
                process_group=0,
            ) as process:
                _running.add(process)
                assert process.stdout is not None
                try:
                    for line in process.stdout:
                        sink.write(line)
                        sink.flush()
                        if on_line:
                            on_line(line.rstrip("\n"))
                except BaseException:
                    _end(process)
                    raise
                finally:
                    _running.discard(process)
        except FileNotFoundError as missing:
            raise Failure(f"{what}: {missing.filename} is not installed", remedy) from None
    if process.returncode != 0:
        raise Failure(f"{what}: {last_line(log)}", remedy, log, code=process.returncode)


def output(command: Sequence[str | os.PathLike[str]], *, env: Mapping[str, str] | None = None) -> str:
    """The standard output of a command. Raises `Failure` with its last words when it is missing or fails."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=None if env is None else dict(env)
        )
    except OSError as error:
        raise Failure(f"{name} could not be run: {error.strerror}", "install it, or put it on the PATH") from None
    if done.returncode != 0:
        log = LOCAL / "log" / "commands.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as sink:
            sink.write(f"$ {' '.join(os.fspath(word) for word in command)}\n{done.stdout}{done.stderr}")
        words = last_words((done.stdout + done.stderr).splitlines())
        raise Failure(f"{name} ended with code {done.returncode}: {words}", "run the same command again", log)
    return done.stdout


def interrupt_on(numbers: Iterable[signal.Signals]) -> None:
    """Have each of the signals raise KeyboardInterrupt, so that what was begun comes to its end.

    `make` and `timeout` send one signal two or three times: what comes right after the first is no second order.
    """
    last = -math.inf

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last > REPEATED_SECONDS:
            last = time.monotonic()
            raise KeyboardInterrupt

    for number in numbers:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)
        elif number == signal.SIGINT:
            # A shell starts what it puts into the background with it ignored, and so would all that we start: pytest
            # would not hear that it has to end. A handler of ours is not passed on.
            signal.signal(number, lambda *_: None)
        # Another one, such as what `nohup` ignores, stays ignored.


def side_by_side(*jobs: Callable[[], object], workers: int = 2) -> None:
    """Run `jobs` in threads. When one fails, or on an interrupt, the programs that the others run are ended at once."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # Each program once, so that it may come to its own end; again and again, since a job may just have been
            # between two programs.
            told: set[subprocess.Popen[str]] = set()

            def all_ended() -> bool:
                for process in set(_running) - told:
                    _interrupt(process)
                    told.add(process)
                return all(future.done() for future in futures)

            wait_until(all_ended, math.inf, interval=0.5)
            raise


def _interrupt(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    _interrupt(process)
    try:
        # Read on: a program that cannot write does not come to its end.
        while process.stdout.read(8192):
            pass
        process.wait()
    except BaseException:
        process.kill()
        raise
