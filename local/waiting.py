"""Waiting for what another program does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float, *, interval: float = 0.05) -> T | None:
    """Ask `condition` every `interval` seconds until it gives something true; None when it did not in `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            return None
        time.sleep(interval)
    return value
