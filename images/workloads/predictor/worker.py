"""The gunicorn worker: told to end, it goes on answering until nobody asks any more."""

import time
from types import FrameType
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

_LOOK_SECONDS = 0.1


class DrainingWorker(ThreadWorker):
    """Closes its port when it has been quiet for a while after SIGTERM, or when half of the graceful timeout is over.

    A cluster tells the server to end, and the nodes to send it no more, at the same time and by ways that do not wait
    for each other. gunicorn's own worker stops accepting at once: whoever is late to hear of it, if by a busy API
    server alone, would see connections refused. The other half of the timeout is for the requests in flight.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._told_to_end: float | None = None
        self._last_connection = 0.0
        self._quiet_seconds: float = self.app.settings.quiet_seconds  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def draining(self) -> bool:
        """Whether it was told to end."""
        return self._told_to_end is not None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal: note when, and wake the loop."""
        if self._told_to_end is None:
            self._told_to_end = time.monotonic()
            self.method_queue.defer(lambda: None)

    def accept(self, listener: Any) -> None:
        """Called by the loop for each new connection."""
        self._last_connection = time.monotonic()
        super().accept(listener)

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """One turn of the loop, at most a second; `alive` is what the loop runs on."""
        if not self.alive or self._told_to_end is None:
            super().wait_for_and_dispatch_events(timeout)
        else:
            super().wait_for_and_dispatch_events(_LOOK_SECONDS)
            now = time.monotonic()
            quiet = now - max(self._told_to_end, self._last_connection) >= self._quiet_seconds
            self.alive = not quiet and now - self._told_to_end < self.cfg.graceful_timeout / 2

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Called with False when the loop has ended: who comes while the last requests are answered is answered too."""
        if enabled or self.alive:
            super().set_accept_enabled(enabled)
