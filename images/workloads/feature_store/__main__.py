"""Serves the feature store; `backup` makes a backup of all replicas, `restore` writes one back."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from ..common.buckets import BucketError
from ..common.folder import FolderError
from ..common.log import log
from ..web.wsgi import serve
from .app import create_app
from .backups import ReplicaError, backup, restore
from .settings import SettingsError, backup_from_environ, from_environ

EXIT_FAILED = 1
EXIT_USAGE = os.EX_USAGE


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; the exit code."""
    parser = argparse.ArgumentParser(prog="feature-store", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("serve", "backup", "restore"), default="serve")
    command = parser.parse_args(argv).command
    try:
        if command == "serve":
            settings = from_environ(environ)
            serve(settings, lambda: create_app(settings))
        elif command == "backup":
            log("backup made", backup=backup(backup_from_environ(environ)))
        else:
            name, count = restore(backup_from_environ(environ))
            log("backup restored", backup=name, entities=count)
    except SettingsError as error:
        return _fail(str(error), EXIT_USAGE)
    except (FolderError, BucketError, ReplicaError, OSError) as error:
        return _fail(str(error), EXIT_FAILED)
    return 0


def _fail(message: str, code: int) -> int:
    print(f"feature-store: {message}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
