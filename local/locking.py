"""One at a time: locks that the kernel lets go when their holder ends, however it ends."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from local.errors import Failure


@contextmanager
def waiting_for(file: Path) -> Generator[None]:
    """Hold the lock, after whoever holds it now."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


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
