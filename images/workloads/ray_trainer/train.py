"""Data-parallel training: actors on the cluster's nodes have the rows, the driver sends weights and adds up gradients.

An actor whose node is gone is started again on another one, and what was asked of it is asked again: the training goes
on. A driver that is gone is started again by the platform, and resumes from the newest checkpoint.
"""

# ray is in the image, not in the development environment.
# pyright: reportMissingImports=false

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ..common import descent, model, network
from ..common.checkpoints import Checkpoints
from ..common.command import PeerError
from ..common.descent import State
from ..common.digits import Array, Digits
from ..common.model import Data, Run
from ..common.network import NetworkArgs, Progress, Weights


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What the training asks of Ray.

    `workers`: how many actors, each with `cpus` CPUs. `seconds`: how long to wait for one, to start or to answer.
    """

    workers: int
    cpus: float
    seconds: float


class Shard:
    """An actor: the training rows, of which each step names its share. The pixels come as bytes, and unscaled."""

    def __init__(self, pixels: Array, scale: Array, labels: Array) -> None:
        self._pixels, self._labels = network.scaled(pixels, scale), labels

    def gradients(self, weights: Weights, rows: Array) -> Array:
        """Loss and gradients of these rows, as `descent.joined` has them."""
        return descent.joined(*descent.gradients(weights, self._pixels[rows], self._labels[rows]))


def train(run: Run, args: NetworkArgs, cluster: Cluster) -> dict[str, Any]:
    """Write the model folder unless it is complete; its manifest either way."""

    def fit(data: Data) -> Pipeline:
        # Here, since a model that is complete needs no cluster.
        import ray

        checkpoints = Checkpoints(parent=run.checkpoints, recipe={"data": data.hash, **args.parameters})
        # The cluster that RAY_ADDRESS or this node names; without one, one of this process's own.
        ray.init(logging_level="warning", log_to_driver=False)
        try:
            state = _descend(data, args, cluster, checkpoints, ray)
        except ray.exceptions.GetTimeoutError:
            raise PeerError(
                f"no answer of {cluster.workers} actors with {cluster.cpus:g} CPUs each in {cluster.seconds:g} s:"
                " see whether the cluster has room for them"
            ) from None
        except ray.exceptions.RayActorError as error:
            raise PeerError(f"an actor is lost: {str(error).splitlines()[0]}") from None
        finally:
            ray.shutdown()
        return network.classifier(state.weights, data.digits)

    # The version of the package, without an import that takes seconds.
    return model.publish(run, fit, framework=f"numpy, ray {version('ray')}", parameters=args.parameters)


def _descend(data: Data, args: NetworkArgs, cluster: Cluster, checkpoints: Checkpoints, ray: Any) -> State:
    labels = data.digits.train_labels
    actors = _actors(data.digits, cluster, ray)
    with checkpoints.newest() as found:
        done, state = (found[0], State.load(found[1])) if found else (0, State.start(network.initial(args)))
    progress = Progress(args, workers=cluster.workers, first=done + 1)
    for epoch in range(done + 1, args.epochs + 1):
        total, steps = 0.0, network.batches(len(labels), epoch, args)
        for batch in steps:
            weights = ray.put(state.weights)
            asked = [one.gradients.remote(weights, batch[at :: cluster.workers]) for at, one in enumerate(actors)]
            sums = np.sum(ray.get(asked, timeout=cluster.seconds), axis=0)
            loss, slopes = descent.parted(sums, state.weights)
            state = state.step([slope / len(batch) for slope in slopes], args.learning_rate)
            total += loss
        progress.epoch(epoch, steps=len(steps), loss=total / sum(map(len, steps)))
        if epoch % args.checkpoint_every == 0 or epoch == args.epochs:
            checkpoints.save(epoch, state.save)
    return state


def _actors(digits: Digits, cluster: Cluster, ray: Any) -> list[Any]:
    lasting = {"num_cpus": cluster.cpus, "max_restarts": -1, "max_task_retries": -1}
    actor = ray.remote(scheduling_strategy="SPREAD", **lasting)(Shard)
    # Small enough to be a part of the call. An actor that is started again could not find an object whose node is gone.
    rows = (digits.train_pixels, digits.scale, digits.train_labels)
    return [actor.remote(*rows) for _ in range(cluster.workers)]
