"""Serves models as TensorFlow Serving does: gRPC on --port, REST on --rest_api_port."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.log import log
from ..web.wsgi import serve

# Before TensorFlow is imported, which takes seconds.
from .flags import FlagError, Options, parse

_GRACE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the WSGI server is told (`web.wsgi.ServerSettings`)."""

    port: int
    host: str = "0.0.0.0"  # noqa: S104  a pod is reached on its own address
    threads: int = 8
    stall_seconds: float = 10.0
    drain_seconds: int = 20
    quiet_seconds: float = 2.0
    drain_file: Path = Path("/tmp/draining")  # noqa: S108  the pod's own emptyDir


def run(options: Options) -> None:
    """Serve until SIGTERM."""
    servers: list[Any] = []

    def application() -> Any:
        # In the process that answers: TensorFlow's threads do not outlive a fork.
        from . import rpc
        from .metrics import Metrics
        from .models import Models
        from .rest import create_app

        models, metrics = Models(options), Metrics(config.name for config in options.models)
        models.start()
        server, port = rpc.start(models, metrics, options.grpc_port)
        servers.append(server)
        log("serving", grpc=port, rest=options.rest_port)
        return create_app(models, metrics, options.metrics_path)

    def end() -> None:
        # Clients of gRPC keep their connections: they are told, and what they have asked is answered.
        for server in servers:
            server.stop(_GRACE_SECONDS).wait()

    serve(Settings(port=options.rest_port), application, at_end=end)


def main(argv: Sequence[str]) -> int:
    """Run the command; the exit code."""
    try:
        options = parse(argv)
    except FlagError as error:
        print(f"tensorflow_model_server: {error}", file=sys.stderr)
        return os.EX_USAGE
    run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
