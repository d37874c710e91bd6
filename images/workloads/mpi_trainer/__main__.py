"""The command line of the MPI trainer. See `python3 -m workloads.mpi_trainer --help`."""

import argparse
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..common import command, network, place
from ..common.command import PeerError, Program
from ..common.model import Run
from . import launch
from .train import train

_VARIABLES = """\
  CHECKPOINT_DIR train: folder of checkpoints, to resume from the newest (default: none are written)
  K_MPI_JOB_ROLE the operator's: a worker runs sshd, a launcher mpirun, which starts the ranks on the workers
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    network.add_arguments(parser)
    network.add_peer_seconds(parser)


def _train(run: Run, args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any] | None:
    # The operator says so to launchers and workers, and mpirun's ranks run on workers.
    role = "rank" if "OMPI_COMM_WORLD_RANK" in environ else environ.get("K_MPI_JOB_ROLE")
    if role == "worker":
        words = launch.worker()
        os.execv(words[0], words)  # noqa: S606  they are ours
    if role == "launcher":
        launch.wait_for(launch.hosts(launch.host_file(environ)), args.peer_seconds)
        code = launch.run(launch.launcher(sys.argv[1:], environ))
        if code:
            sys.exit(code)
        # mpirun of Open MPI 5.0.7 ends with 0 when it loses the daemon of a worker.
        if not place.is_complete(run.model):
            raise PeerError(f"mpirun ended without a fault, but {run.model} is not written: it lost a worker")
        return place.read_manifest(run.model)
    return train(run, network.network_args(args), environ)


PROGRAM = Program(
    name="mpi-trainer", description=__doc__, add_arguments=_add_arguments, train=_train, variables=_VARIABLES
)
main = partial(command.main, PROGRAM)

if __name__ == "__main__":
    command.start(PROGRAM)
