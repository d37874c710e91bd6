"""Serves the model over HTTP. With the argument `batch` it answers for existing data."""

import os
import sys
from collections.abc import Mapping

from ..web.wsgi import serve
from .app import create_app
from .batch import run as batch
from .settings import SettingsError, from_environ

EXIT_USAGE = 2


def main(environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM; the exit code."""
    try:
        settings = from_environ(environ)
    except SettingsError as error:
        print(f"predictor: {error}", file=sys.stderr)
        return EXIT_USAGE
    serve(settings, lambda: create_app(settings))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["batch"]:
        batch.start(sys.argv[2:])
    sys.exit(main(os.environ))
