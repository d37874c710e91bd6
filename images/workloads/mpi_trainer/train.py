"""Data-parallel training: each rank has a share of every batch, and an allreduce adds up the gradients."""

# mpi4py is in the image, not in the development environment.
# pyright: reportMissingImports=false, reportUnknownParameterType=false

import sys
import traceback
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ..common import descent, model, network
from ..common.checkpoints import Checkpoints
from ..common.descent import State
from ..common.log import log
from ..common.model import Data, Run
from ..common.network import NetworkArgs, Progress


def train(run: Run, args: NetworkArgs, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Write the model folder unless it is complete; its manifest, or None in a rank that only helped."""

    def fit(data: Data) -> Pipeline:
        # Here, since the import joins the other ranks.
        from mpi4py import MPI

        checkpoints = Checkpoints(parent=run.checkpoints, recipe={"data": data.hash, **args.parameters})
        try:
            _check_sum(MPI.COMM_WORLD)
            state = _descend(data, args, MPI, checkpoints)
        except Exception:
            # A rank that merely ended would leave the others in an allreduce that never comes about.
            traceback.print_exc()
            sys.stderr.flush()
            MPI.COMM_WORLD.Abort(1)
            raise
        return network.classifier(state.weights, data.digits)

    if environ.get("OMPI_COMM_WORLD_RANK", "0") != "0":
        return model.help_publish(run, fit)
    return model.publish(run, fit, framework=f"numpy {np.__version__}, Open MPI", parameters=args.parameters)


def _check_sum(world: Any) -> None:
    """Add up the ranks, from 1: a sum that is wrong shows a fabric that loses or garbles messages."""
    total, expected = world.allreduce(world.rank + 1), world.size * (world.size + 1) // 2
    if world.rank == 0:
        log("allreduce", ranks=world.size, sum=total, expected=expected)
    if total != expected:
        raise RuntimeError(f"rank {world.rank}: the sum of 1 to {world.size} came out as {total}, not {expected}")


def _descend(data: Data, args: NetworkArgs, mpi: Any, checkpoints: Checkpoints) -> State:
    world = mpi.COMM_WORLD
    pixels = network.scaled(data.digits.train_pixels, data.digits.scale)
    labels = data.digits.train_labels
    done, state = world.bcast(_resume(args, checkpoints) if world.rank == 0 else None)
    progress = Progress(args, workers=world.size, first=done + 1) if world.rank == 0 else None
    for epoch in range(done + 1, args.epochs + 1):
        total, steps = 0.0, network.batches(len(labels), epoch, args)
        for batch in steps:
            share = batch[world.rank :: world.size]
            # All of it in one message: each costs a round through all ranks.
            sums = descent.joined(*descent.gradients(state.weights, pixels[share], labels[share]))
            world.Allreduce(mpi.IN_PLACE, sums)
            loss, slopes = descent.parted(sums, state.weights)
            state = state.step([slope / len(batch) for slope in slopes], args.learning_rate)
            total += loss
        if progress:
            progress.epoch(epoch, steps=len(steps), loss=total / sum(map(len, steps)))
            if epoch % args.checkpoint_every == 0 or epoch == args.epochs:
                checkpoints.save(epoch, state.save)
    return state


def _resume(args: NetworkArgs, checkpoints: Checkpoints) -> tuple[int, State]:
    with checkpoints.newest() as found:
        if found:
            return found[0], State.load(found[1])
    return 0, State.start(network.initial(args))
