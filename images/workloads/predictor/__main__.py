"""Serves the model on a production WSGI server: one process, so that its metrics are whole, and threads."""

import os
import sys
from collections.abc import Mapping
from typing import Any

from gunicorn.app.base import BaseApplication

from .app import create_app
from .settings import Settings, SettingsError, from_environ
from .worker import DrainingWorker

EXIT_USAGE = 2

_SHARED_MEMORY = "/dev/shm"  # noqa: S108  gunicorn keeps one unlinked file there, to see that the worker lives


class Server(BaseApplication):
    """gunicorn, configured by our settings alone, not by its command line or configuration file."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        for key, value in gunicorn_options(self.settings).items():
            self.cfg.set(key, value)  # pyright: ignore[reportOptionalMemberAccess]  set by the base class

    def load(self) -> Any:
        """Called by gunicorn, in the worker."""
        return create_app(self.settings)


def gunicorn_options(settings: Settings) -> dict[str, Any]:
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
        # Longer than the 60 s after which common load balancers drop an idle connection: they close, not we.
        "keepalive": 75,
        "graceful_timeout": settings.drain_seconds,
        "worker_tmp_dir": _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None,
        # Its socket would be in the home directory, which a pod cannot write.
        "control_socket_disable": True,
        "pre_request": prepare,
    }


def main(environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM; the exit code."""
    try:
        settings = from_environ(environ)
    except SettingsError as error:
        print(f"predictor: {error}", file=sys.stderr)
        return EXIT_USAGE
    # Of a container of this pod that was stopped before, after a failed liveness probe, say: the folder outlives it.
    settings.drain_file.unlink(missing_ok=True)
    Server(settings).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
