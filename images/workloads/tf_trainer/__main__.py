"""The command line of the TensorFlow trainer. See `python3 -m workloads.tf_trainer --help`."""

import argparse
from collections.abc import Mapping
from functools import partial
from typing import Any

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

if __name__ == "__main__":
    command.start(PROGRAM)
