"""What each process of a TensorFlow training does."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sklearn.pipeline import Pipeline

from ..common import model, network, place
from ..common.checkpoints import Checkpoints
from ..common.command import PeerError
from ..common.descent import State
from ..common.environment import UsageError
from ..common.model import Data, Run
from ..common.network import NetworkArgs
from . import mirrored, parameters
from .cluster import Cluster
from .graph import tf
from .saved import export

_LOOK_SECONDS = 2
# What a process that is gone looks like to the others.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)


def train(run: Run, args: NetworkArgs, cluster: Cluster, peer_seconds: float) -> dict[str, Any] | None:
    """Write the model folder unless it is complete; its manifest, or None in a process that only helped."""
    if cluster.task == "evaluator":
        return evaluate(run, args)
    if cluster.has_servers and cluster.task != "chief":
        parameters.serve(cluster)

    def fit(data: Data) -> Pipeline:
        descend = parameters.descend if cluster.has_servers else mirrored.descend
        with _explained(cluster):
            weights = descend(data, args, cluster, _checkpoints(run, args, data), peer_seconds)
        return network.classifier(weights, data.digits)

    if cluster.number:
        return model.help_publish(run, fit)
    return model.publish(run, fit, framework=f"tensorflow {tf.__version__}", parameters=args.parameters, export=export)


def evaluate(run: Run, args: NetworkArgs) -> dict[str, Any]:
    """Measure each checkpoint when it comes, on the held-out rows, until the model is there; its manifest."""
    if run.checkpoints is None:
        raise UsageError("CHECKPOINT_DIR is not set: an evaluator measures the checkpoints of the others")
    data = model.load_data(run)
    checkpoints, measured = _checkpoints(run, args, data), 0
    while not place.is_complete(run.model):
        if max(checkpoints.epochs(), default=0) > measured:
            with checkpoints.newest("evaluating") as found:
                if found:
                    measured = found[0]
                    model.evaluate(network.classifier(State.load(found[1]).weights, data.digits), data.digits)
        time.sleep(_LOOK_SECONDS)
    return place.read_manifest(run.model)


def _checkpoints(run: Run, args: NetworkArgs, data: Data) -> Checkpoints:
    return Checkpoints(parent=run.checkpoints, recipe={"data": data.hash, **args.parameters})


@contextmanager
def _explained(cluster: Cluster) -> Generator[None]:
    """Turn what TensorFlow says of a lost process into a PeerError: one line."""
    try:
        yield
    except _LOST as error:
        text = str(error.message).strip().splitlines()[0]
        raise PeerError(
            f"{cluster.task} {cluster.index} lost another process of the training: {text}: see its log"
        ) from None
