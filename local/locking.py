"""One at a time: locks that the kernel lets go when their holder ends, however it ends."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from local.errors import Failure
from local.progress import Steps

_inherited: set[int] = set()


def inherited() -> tuple[int, ...]:
    """The files of the locks that programs which this process starts hold, too, until they end.

    When this process is killed its programs may live on: nobody else may change what they work on.
    """
    return tuple(_inherited)


@contextmanager
def waiting_for(file: Path, steps: Steps | None = None) -> Generator[None]:
    """Hold the lock, after whoever holds it now; a wait is shown as a step of `steps`.

    What `process.run` starts meanwhile holds it as well, should this process be killed.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with steps.step(f"wait for another command, which holds {file}") if steps else nullcontext():
                fcntl.flock(handle, fcntl.LOCK_EX)
        _inherited.add(handle.fileno())
        try:
            yield
        finally:
            _inherited.discard(handle.fileno())
            # Closing the file is not enough while a program has it, too.
            fcntl.flock(handle, fcntl.LOCK_UN)


@contextmanager
def if_free(file: Path) -> Generator[bool]:
    """Hold the lock when nobody does; says whether it is held."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def or_fail(file: Path, what: str) -> Generator[None]:
    """Hold the lock, or fail at once when another process holds it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"another command works on {what}", "wait for its end, or end it, and try again") from None
        yield
