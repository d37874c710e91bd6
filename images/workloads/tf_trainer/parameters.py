"""With parameter servers: they hold the weights, workers compute steps on them, and the chief gives out the work."""

from typing import Any, NoReturn

from ..common import network
from ..common.checkpoints import Checkpoints
from ..common.descent import State
from ..common.log import log
from ..common.model import Data
from ..common.network import NetworkArgs, Progress, Weights
from .cluster import Cluster
from .graph import ROWS, Network, tf


def serve(cluster: Cluster) -> NoReturn:
    """Do what the chief says, as a worker or a parameter server, until this process is ended."""
    server = tf.distribute.Server(
        tf.train.ClusterSpec(dict(cluster.addresses)), job_name=cluster.task, task_index=cluster.index, protocol="grpc"
    )
    log("serving", task=cluster.task, index=cluster.index)
    server.join()
    raise AssertionError("a server ends with its process")


def descend(data: Data, args: NetworkArgs, cluster: Cluster, checkpoints: Checkpoints, _peer_seconds: float) -> Weights:
    """Have the workers train; the weights. A worker that is lost is done without until it is back."""
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(dict(cluster.addresses)), task_type=cluster.task, task_id=cluster.index, rpc_layer="grpc"
    )
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    with checkpoints.newest() as found:
        done, state = (found[0], State.load(found[1])) if found else (0, State.start(network.initial(args)))
    with strategy.scope():
        layers = Network(state)

    @tf.function(input_signature=ROWS)
    def step(pixels: Any, labels: Any) -> Any:
        return layers.step(layers.gradients(pixels, labels), tf.shape(labels)[0], args.learning_rate)

    pixels = network.scaled(data.digits.train_pixels, data.digits.scale)
    labels = data.digits.train_labels.astype("int64")
    progress = Progress(args, workers=len(cluster.trainers), first=done + 1)
    for epoch in range(done + 1, args.epochs + 1):
        steps = network.batches(len(labels), epoch, args)
        losses = [coordinator.schedule(step, args=(pixels[batch], labels[batch])) for batch in steps]
        # Within an epoch each worker steps when it is ready, on the weights of that moment.
        coordinator.join()
        total = sum(float(loss) for loss in coordinator.fetch(losses))
        progress.epoch(epoch, steps=len(steps), loss=total / sum(map(len, steps)))
        if epoch % args.checkpoint_every == 0 or epoch == args.epochs:
            checkpoints.save(epoch, layers.state().save)
    return layers.state().weights
