"""The command line of the Ray trainer, which is a job's driver. See `python3 -m workloads.ray_trainer --help`."""

import argparse
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..common import command, network
from ..common.command import Program
from ..common.model import Run
from ..common.values import count, positive
from .train import Cluster, train

_VARIABLES = """\
  CHECKPOINT_DIR train: folder of checkpoints, to resume from the newest (default: none are written)
  RAY_ADDRESS    train: the cluster (default: the one of this node, or one of the program's own)
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    network.add_arguments(parser)
    parser.add_argument("--workers", type=count, default=2, help="actors that train (default: %(default)s)")
    parser.add_argument("--cpus", type=positive, default=1.0, help="CPUs of an actor (default: %(default)s)")
    parser.add_argument(
        "--peer-seconds",
        type=positive,
        default=300.0,
        help="how long to wait for an actor, to start or to answer (default: %(default)s)",
    )


def _train(run: Run, args: argparse.Namespace, _environ: Mapping[str, str]) -> dict[str, Any]:
    cluster = Cluster(workers=args.workers, cpus=args.cpus, seconds=args.peer_seconds)
    return train(run, network.network_args(args), cluster)


PROGRAM = Program(
    name="ray-trainer", description=__doc__, add_arguments=_add_arguments, train=_train, variables=_VARIABLES
)
main = partial(command.main, PROGRAM)

if __name__ == "__main__":
    command.start(PROGRAM)
