"""The command line of the PyTorch trainer. See `python3 -m workloads.torch_trainer --help`."""

import argparse
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..common import command, network
from ..common.command import Program
from ..common.model import Run
from . import launch
from .train import train

_VARIABLES = """\
  CHECKPOINT_DIR train: folder of checkpoints, to resume from the newest (default: none are written)
  MASTER_ADDR, MASTER_PORT, WORLD_SIZE, RANK
                 the first process, how many there are and which one this is (default: alone)
  PET_...        torchrun's own: with PET_MASTER_ADDR or PET_RDZV_ENDPOINT, torchrun starts the processes
                 of the pod, unless it has only one (PET_NPROC_PER_NODE=1)
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    network.add_arguments(parser)
    network.add_peer_seconds(parser)


def _train(run: Run, args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any] | None:
    if launch.wants_launcher(environ):
        sys.exit(launch.launch(sys.argv[1:]))
    own = launch.of_pod(environ)
    # torch itself looks for them there.
    os.environ.update(own)
    group = launch.group({**environ, **own}, peer_seconds=args.peer_seconds)
    return train(run, network.network_args(args), group)


PROGRAM = Program(
    name="torch-trainer", description=__doc__, add_arguments=_add_arguments, train=_train, variables=_VARIABLES
)
main = partial(command.main, PROGRAM)

if __name__ == "__main__":
    command.start(PROGRAM)
