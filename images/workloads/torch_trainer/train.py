"""Data-parallel training: each process has a share of every batch, and gloo adds up the gradients."""

# torch is in the image, not in the development environment.
# pyright: reportMissingImports=false, reportUnknownParameterType=false

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from sklearn.pipeline import Pipeline
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ..common import model, network
from ..common.checkpoints import Checkpoints
from ..common.command import PeerError
from ..common.model import Data, Run
from ..common.network import NetworkArgs, Progress, Weights
from .launch import Group

_STATE = "state.pt"


def train(run: Run, args: NetworkArgs, group: Group) -> dict[str, Any] | None:
    """Write the model folder unless it is complete; its manifest, or None in a process that only helped."""

    def fit(data: Data) -> Pipeline:
        checkpoints = Checkpoints(parent=run.checkpoints, recipe={"data": data.hash, **args.parameters})
        with _joined(group):
            weights = _descend(data, args, group, checkpoints)
        return network.classifier(weights, data.digits)

    if group.rank:
        return model.help_publish(run, fit)
    return model.publish(run, fit, framework=f"torch {torch.__version__}", parameters=args.parameters)


@contextmanager
def _joined(group: Group) -> Generator[None]:
    """Be part of the group for as long as the block lasts. Raises PeerError when another process is lost."""
    alone: dict[str, Any] = {"store": distributed.HashStore(), "rank": 0, "world_size": 1} if group.size == 1 else {}
    try:
        distributed.init_process_group("gloo", timeout=group.timeout, **alone)
        yield
    except (distributed.DistError, RuntimeError) as error:
        # gloo has no error of its own; its messages begin with the line of its source.
        text = str(error).strip().splitlines()[0]
        if not isinstance(error, distributed.DistError) and "gloo" not in text:
            raise
        raise PeerError(f"rank {group.rank} lost another process of the training: {text}: see its log") from None
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _descend(data: Data, args: NetworkArgs, group: Group, checkpoints: Checkpoints) -> Weights:
    pixels = torch.from_numpy(network.scaled(data.digits.train_pixels, data.digits.scale))
    labels = torch.from_numpy(data.digits.train_labels).long()
    layers = nn.Sequential(nn.Linear(network.PIXELS, args.hidden), nn.ReLU(), nn.Linear(args.hidden, network.DIGITS))
    _set(layers, network.initial(args))
    adam = torch.optim.Adam(layers.parameters(), lr=args.learning_rate)
    done = _resume(layers, adam, group, checkpoints)
    parallel = DistributedDataParallel(layers)
    progress = Progress(args, workers=group.size, first=done + 1) if group.rank == 0 else None
    for epoch in range(done + 1, args.epochs + 1):
        total = torch.zeros(())
        steps = network.batches(len(labels), epoch, args)
        for batch in steps:
            share = torch.from_numpy(batch[group.rank :: group.size])
            # DDP takes the mean of the processes' gradients, whose shares may differ by a row.
            loss = nn.functional.cross_entropy(parallel(pixels[share]), labels[share], reduction="sum")
            adam.zero_grad()
            (loss * group.size / len(batch)).backward()
            adam.step()
            total += loss.detach()
        distributed.all_reduce(total)
        if progress:
            progress.epoch(epoch, steps=len(steps), loss=float(total) / sum(map(len, steps)))
            if epoch % args.checkpoint_every == 0 or epoch == args.epochs:
                checkpoints.save(epoch, lambda draft: _save(draft, layers, adam))
    return _weights(layers)


def _resume(layers: nn.Module, adam: torch.optim.Optimizer, group: Group, checkpoints: Checkpoints) -> int:
    """Set every process to the newest checkpoint, which only the first one looks for; the epochs done."""
    found: list[Any] = [None]
    if group.rank == 0:
        with checkpoints.newest() as newest:
            if newest:
                epoch, folder = newest
                found = [(epoch, torch.load(folder / _STATE, weights_only=True))]
    distributed.broadcast_object_list(found)
    if found[0] is None:
        return 0
    epoch, state = found[0]
    layers.load_state_dict(state["layers"])
    adam.load_state_dict(state["adam"])
    return epoch


def _save(draft: Path, layers: nn.Module, adam: torch.optim.Optimizer) -> None:
    torch.save({"layers": layers.state_dict(), "adam": adam.state_dict()}, draft / _STATE)


def _set(layers: nn.Sequential, weights: Weights) -> None:
    # torch keeps a layer's weights with the outputs first.
    with torch.no_grad():
        for parameter, array in zip(layers.parameters(), weights.arrays(), strict=True):
            parameter.copy_(torch.from_numpy(array.T))


def _weights(layers: nn.Sequential) -> Weights:
    return Weights.of(parameter.detach().numpy().T for parameter in layers.parameters())
