"""Serves the model over HTTP."""

import os
import sys
from collections.abc import Mapping

from ..web.wsgi import serve
from .app import create_app
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
    sys.exit(main(os.environ))
