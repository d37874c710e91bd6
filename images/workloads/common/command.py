"""The command line of a trainer: `preprocess` prepares the data, `train` trains. What differs is a `Program`."""

import argparse
import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from . import environment
from .buckets import BucketError
from .digits import PreprocessArgs, preprocess
from .environment import UsageError
from .folder import FolderError
from .log import log
from .model import AccuracyError, Run
from .values import open_share, seed

EXIT_FAILED = 1  # another try may work: data not there yet, disk full
# The same try fails again: sysexits.h's codes for arguments (and environment) and for data. The platform's Jobs give
# up on them at once.
EXIT_USAGE = os.EX_USAGE
EXIT_ACCURACY = os.EX_DATAERR

# After SIGTERM, for a program that waits in a library for its peers and runs no Python meanwhile.
_UNWIND_SECONDS = 5.0
_ENDING = (signal.SIGTERM, signal.SIGINT)


class PeerError(Exception):
    """Another process of the training is gone or does not answer; the message says what the library said."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A trainer: its name, its own arguments, and the function that trains.

    `train` gets the environment too, and answers the manifest of the model, or None in a process that only helps
    another one to write it. `variables` are lines of the help for what the engine sets.
    """

    name: str
    description: str | None
    add_arguments: Callable[[argparse.ArgumentParser], None]
    train: Callable[[Run, argparse.Namespace, Mapping[str, str]], dict[str, Any] | None]
    variables: str = ""


def start(program: Program) -> NoReturn:
    """Run the command of this process, and end with its exit code."""
    _end_on_signals()
    sys.exit(main(program, sys.argv[1:], os.environ))


def main(program: Program, argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; the exit code. Progress goes to standard output, the reason of a failure to stderr."""
    args = _parser(program).parse_args(argv)

    def fail(message: str, code: int) -> int:
        print(f"{program.name}: {message}", file=sys.stderr, flush=True)
        return code

    try:
        if args.command == "preprocess":
            _preprocess(args, environ)
        else:
            _train(program, args, environ)
    except UsageError as error:
        return fail(str(error), EXIT_USAGE)
    except AccuracyError as error:
        return fail(str(error), EXIT_ACCURACY)
    except (FolderError, BucketError, PeerError) as error:
        return fail(str(error), EXIT_FAILED)
    except OSError as error:
        target = environ.get("DATA_DIR" if args.command == "preprocess" else "MODEL_DIR")
        return fail(explain(error, target), EXIT_FAILED)
    return 0


def explain(error: OSError, target: str | None) -> str:
    """One line for an error of the file system, with what to do; `target` is the folder being written."""
    where = error.filename or target
    what = f"{where}: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{what}: free some space on the volume, or ask for a larger one"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{what}: the volume must be mounted writable for user {os.getuid()} or group {os.getgid()}"
    return what


def _preprocess(args: argparse.Namespace, environ: Mapping[str, str]) -> None:
    manifest = preprocess(
        environment.place(environ, "DATA_DIR"),
        PreprocessArgs(test_share=args.test_share, seed=args.split_seed),
        code_version=environment.code_version(environ),
    )
    log("done", dataHash=manifest.get("dataHash"), rows=manifest.get("rows"))


def _train(program: Program, args: argparse.Namespace, environ: Mapping[str, str]) -> None:
    manifest = program.train(environment.run(environ), args, environ)
    if manifest is None:
        log("done")
    else:
        log("done", version=manifest.get("version"), metrics=manifest.get("metrics"))


class _Parser(argparse.ArgumentParser):
    """A parser that ends with sysexits.h's code for a wrong command line."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: error: {message}\n")


def _parser(program: Program) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program.name,
        description=program.description,
        epilog=environment.HELP.format(more=program.variables),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("preprocess", help="split the data and write it to DATA_DIR")
    first.add_argument(
        "--test-share",
        type=open_share,
        default=PreprocessArgs.test_share,
        metavar="SHARE",
        help="share of the rows held out for the test, 0.01 to 0.99 (default: %(default)s)",
    )
    first.add_argument(
        "--seed",
        dest="split_seed",
        type=seed,
        default=PreprocessArgs.seed,
        help="of the split (default: %(default)s)",
    )
    program.add_arguments(commands.add_parser("train", help="train on DATA_DIR and write the model to MODEL_DIR"))
    return parser


def _end_on_signals() -> None:
    """Make SIGTERM and SIGINT end the process, also where it is the first of a container, without a default action.

    Unwinding removes unfinished folders. A thread, woken by the signal itself, ends a process that does not unwind.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)

    def unwind(signum: int, _frame: object) -> None:
        sys.exit(128 + signum)

    def insist() -> None:
        # A library may have handlers of its own for other signals, whose numbers are written too.
        while (signum := os.read(reader, 1)[0]) not in _ENDING:
            pass
        time.sleep(_UNWIND_SECONDS)
        os._exit(128 + signum)

    for number in _ENDING:
        signal.signal(number, unwind)
    threading.Thread(target=insist, name="end-on-signal", daemon=True).start()
