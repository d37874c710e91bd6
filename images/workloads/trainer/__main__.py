"""The command line of the sample trainer. See `python3 -m workloads.trainer --help`."""

import argparse
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..common import command
from ..common.command import Program
from ..common.model import Run
from ..common.values import positive
from .train import TrainArgs, train


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--c",
        type=positive,
        default=TrainArgs.c,
        help="penalty of a misclassified training row, more than 0 (default: %(default)s)",
    )
    parser.add_argument(
        "--gamma",
        type=_gamma,
        default=TrainArgs.gamma,
        help="width of the radial kernel: a number more than 0, scale or auto (default: %(default)s)",
    )


def _gamma(text: str) -> float | str:
    return text if text in ("scale", "auto") else positive(text)


def _train(run: Run, args: argparse.Namespace, _environ: Mapping[str, str]) -> dict[str, Any]:
    return train(run, TrainArgs(c=args.c, gamma=args.gamma))


PROGRAM = Program(name="trainer", description=__doc__, add_arguments=_add_arguments, train=_train)
main = partial(command.main, PROGRAM)

if __name__ == "__main__":
    command.start(PROGRAM)
