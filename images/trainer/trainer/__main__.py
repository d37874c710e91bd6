"""The command line of the sample trainer. See `python3 -m trainer --help`."""

import argparse
import errno
import math
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from .folder import FolderError
from .log import log
from .place import Place, place_of
from .preprocess import PreprocessArgs, preprocess
from .train import AccuracyError, Identity, TrainArgs, train

EXIT_FAILED = 1  # another try may work: data not there yet, disk full
# The same try fails again: sysexits.h's codes for arguments (and environment) and for data. The platform's Jobs give
# up on them at once.
EXIT_USAGE = os.EX_USAGE
EXIT_ACCURACY = os.EX_DATAERR

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_HELP = """\
environment:
  DATA_DIR       folder of the prepared data: preprocess writes it, train reads it
  MODEL_DIR      train: folder to write, .../<model name>/<version>
  MODEL_NAME     train: name in the manifest (default: from MODEL_DIR)
  MODEL_VERSION  train: version in the manifest (default: from MODEL_DIR)
  CODE_VERSION   what the manifests say made them, an image reference (default: unversioned)
  AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
                 of s3:// folders: the server, and as whom (default: AWS, workload identity)
  MIN_ACCURACY   train: share of held-out rows, 0 to 1, that must be right (default: 0.97)

A folder is a path or s3://bucket/folder. One that has a manifest.json is complete and is left as it is.
exit codes: 0 done, 1 failed (another try may work), 64 wrong arguments or environment,
  65 below MIN_ACCURACY
"""


class UsageError(Exception):
    """Wrong environment; the message names the variable."""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; the exit code. Progress goes to standard output, the reason of a failure to stderr."""
    args = _parser().parse_args(argv)
    try:
        if args.command == "preprocess":
            _preprocess(args, environ)
        else:
            _train(args, environ)
    except UsageError as error:
        return _fail(str(error), EXIT_USAGE)
    except AccuracyError as error:
        return _fail(str(error), EXIT_ACCURACY)
    except FolderError as error:
        return _fail(str(error), EXIT_FAILED)
    except OSError as error:
        target = environ.get("DATA_DIR" if args.command == "preprocess" else "MODEL_DIR")
        return _fail(explain(error, target), EXIT_FAILED)
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
        _place(environ, "DATA_DIR"),
        PreprocessArgs(test_share=args.test_share, seed=args.seed),
        code_version=environ.get("CODE_VERSION", "unversioned"),
    )
    log("done", dataHash=manifest.get("dataHash"), rows=manifest.get("rows"))


def _train(args: argparse.Namespace, environ: Mapping[str, str]) -> None:
    data, target = _place(environ, "DATA_DIR"), _place(environ, "MODEL_DIR")
    manifest = train(
        data,
        target,
        TrainArgs(c=args.c, gamma=args.gamma),
        identity=Identity(
            name=_part_of(target.parent.name, environ, "MODEL_NAME"),
            version=_part_of(target.name, environ, "MODEL_VERSION"),
            code_version=environ.get("CODE_VERSION", "unversioned"),
        ),
        min_accuracy=_share(environ, "MIN_ACCURACY", default="0.97"),
    )
    log("done", version=manifest.get("version"), metrics=manifest.get("metrics"))


def _place(environ: Mapping[str, str], key: str) -> Place:
    value = environ.get(key, "")
    if not value:
        raise UsageError(f"{key} is not set: it names the folder, for example {key}=/tmp/digits/v1")
    try:
        return place_of(value)
    except ValueError as error:
        raise UsageError(f"{key} is {value!r}: {error}") from None


def _part_of(part: str, environ: Mapping[str, str], key: str) -> str:
    """The value of `key`, which is a part of MODEL_DIR: the predictor looks for the model there."""
    value = environ.get(key, part)
    if value != part or not _NAME.fullmatch(value):
        raise UsageError(
            f"{key} is {value!r}, where MODEL_DIR has {part!r}: MODEL_DIR must end in"
            " <MODEL_NAME>/<MODEL_VERSION>, each of letters, digits, '.', '_' and '-'"
        )
    return value


def _share(environ: Mapping[str, str], key: str, *, default: str) -> float:
    value = environ.get(key, default)
    try:
        share = float(value)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise UsageError(f"{key} is {value!r}: it must be a number from 0 to 1")
    return share


class _Parser(argparse.ArgumentParser):
    """A parser that ends with sysexits.h's code for a wrong command line."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="trainer",
        description=__doc__,
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("preprocess", help="split the data and write it to DATA_DIR")
    first.add_argument(
        "--test-share",
        type=_open_share,
        default=PreprocessArgs.test_share,
        metavar="SHARE",
        help="share of the rows held out for the test, 0.01 to 0.99 (default: %(default)s)",
    )
    first.add_argument("--seed", type=_seed, default=PreprocessArgs.seed, help="of the split (default: %(default)s)")
    second = commands.add_parser("train", help="train on DATA_DIR and write the model to MODEL_DIR")
    second.add_argument(
        "--c",
        type=_positive,
        default=TrainArgs.c,
        help="penalty of a misclassified training row, more than 0 (default: %(default)s)",
    )
    second.add_argument(
        "--gamma",
        type=_gamma,
        default=TrainArgs.gamma,
        help="width of the radial kernel: a number more than 0, scale or auto (default: %(default)s)",
    )
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a finite number more than 0")
    return value


def _gamma(text: str) -> float | str:
    return text if text in ("scale", "auto") else _positive(text)


def _open_share(text: str) -> float:
    value = float(text)
    if not 0.01 <= value <= 0.99:
        raise argparse.ArgumentTypeError(f"{text} is not from 0.01 to 0.99")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {2**32 - 1}")
    return value


def _fail(message: str, code: int) -> int:
    print(f"trainer: {message}", file=sys.stderr, flush=True)
    return code


def _terminate(signum: int, _frame: object) -> None:
    # A container's first process has no default action for signals. Unwinding removes the unfinished folder.
    sys.exit(128 + signum)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _terminate)
    sys.exit(main(sys.argv[1:], os.environ))
