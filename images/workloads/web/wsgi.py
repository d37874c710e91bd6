"""A production WSGI server: one process, so that its metrics are whole, and threads. Told to end, it drains."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

_SHARED_MEMORY = "/dev/shm"  # noqa: S108  gunicorn keeps one unlinked file there, to see that the worker lives
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


class ServerSettings(Protocol):
    """What the server is told; `predictor.settings` explains each."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def stall_seconds(self) -> float: ...
    @property
    def drain_seconds(self) -> int: ...
    @property
    def quiet_seconds(self) -> float: ...
    @property
    def drain_file(self) -> Path: ...


class Server(BaseApplication):
    """gunicorn, configured by our settings alone, not by its command line or configuration file."""

    def __init__(self, settings: ServerSettings, application: Callable[[], Any], at_end: Callable[[], None]) -> None:
        self.settings = settings
        self.make_application = application
        self.at_end = at_end
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        for key, value in gunicorn_options(self.settings).items():
            self.cfg.set(key, value)  # pyright: ignore[reportOptionalMemberAccess]  set by the base class
        self.cfg.set("worker_exit", lambda _server, _worker: self.at_end())  # pyright: ignore

    def load(self) -> Any:
        """Called by gunicorn, in the worker."""
        return self.make_application()


def _nothing() -> None:
    pass


def serve(settings: ServerSettings, application: Callable[[], Any], *, at_end: Callable[[], None] = _nothing) -> None:
    """Serve what `application` makes in the worker, until SIGTERM; then `at_end` is called there."""
    # Of a container of this pod that was stopped before, after a failed liveness probe, say: the folder outlives it.
    settings.drain_file.unlink(missing_ok=True)
    Server(settings, application, at_end).run()


def gunicorn_options(settings: ServerSettings) -> dict[str, Any]:
    """gunicorn's settings."""

    def prepare(worker: DrainingWorker, gunicorn_request: Any) -> None:
        # Without it, as many clients as there are threads could stop all others by sending half a body.
        gunicorn_request.unreader.sock.settimeout(settings.stall_seconds)
        # gunicorn drops a Connection header of the application; this makes it send its own, and close.
        if worker.draining or settings.drain_file.exists():
            gunicorn_request.force_close()

    return {
        "bind": f"{settings.host}:{settings.port}",
        "workers": 1,
        "worker_class": DrainingWorker,
        "threads": settings.threads,
        # Whether a server that does not answer is restarted is for the kubelet's probes: a model may take long to load.
        "timeout": 0,
        # Longer than the 60 s after which common load balancers drop an idle connection: they close, not we.
        "keepalive": 75,
        "graceful_timeout": settings.drain_seconds,
        "worker_tmp_dir": _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None,
        # Its socket would be in the home directory, which a pod cannot write.
        "control_socket_disable": True,
        "pre_request": prepare,
    }
