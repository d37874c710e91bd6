"""The command line of the TensorFlow trainer. See `python3 -m workloads.tf_trainer --help`."""

import argparse
import os
import sys
import traceback
from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from ..common import command, network
from ..common.command import Program
from ..common.model import Run
from .cluster import cluster

_VARIABLES = """\
  CHECKPOINT_DIR train: folder of checkpoints, to resume from the newest (default: none are written)
  TF_CONFIG      TensorFlow's own: the processes of the training and which one this is (default: alone)
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    network.add_arguments(parser)
    network.add_peer_seconds(parser)


def _train(run: Run, args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any] | None:
    own = cluster(environ)
    # Here, since it imports TensorFlow, which takes seconds: neither a wrong environment nor `preprocess` needs it.
    from .train import train

    return train(run, network.network_args(args), own, args.peer_seconds)


PROGRAM = Program(
    name="tf-trainer", description=__doc__, add_arguments=_add_arguments, train=_train, variables=_VARIABLES
)
main = partial(command.main, PROGRAM)


def start() -> NoReturn:
    """Run the command of this process, and end at once with its exit code.

    The usual end has TensorFlow wait without end for a worker that is lost.
    """
    code = 1
    try:
        command.start(PROGRAM)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    start()
