"""Without parameter servers: each process has all weights and a share of every batch, and gradients are added up."""

from typing import Any

from ..common import network
from ..common.checkpoints import Checkpoints
from ..common.descent import State
from ..common.model import Data
from ..common.network import NetworkArgs, Progress, Weights
from .cluster import Cluster
from .graph import ROWS, Network, tf


def descend(data: Data, args: NetworkArgs, cluster: Cluster, checkpoints: Checkpoints, peer_seconds: float) -> Weights:
    """Train together with the others; the weights, which are the same in each process."""
    strategy = _strategy(cluster, peer_seconds)
    pixels = network.scaled(data.digits.train_pixels, data.digits.scale)
    labels = data.digits.train_labels.astype("int64")
    first = cluster.number == 0
    epochs, state = _resume(args, checkpoints) if first else (0, State.start(network.initial(args)))
    with strategy.scope():
        # Variables begin in all processes with the values of the first one.
        layers, done = Network(state), tf.Variable(epochs, dtype=tf.int64)

    @tf.function(input_signature=[*ROWS, tf.TensorSpec([], tf.int64)])
    def step(pixels: Any, labels: Any, rows: Any) -> Any:
        shares = strategy.run(layers.gradients, args=(pixels, labels))
        return layers.step(strategy.reduce(tf.distribute.ReduceOp.SUM, shares, axis=None), rows, args.learning_rate)

    start, size = int(done.numpy()), max(len(cluster.trainers), 1)
    progress = Progress(args, workers=size, first=start + 1) if first else None
    for epoch in range(start + 1, args.epochs + 1):
        total, steps = 0.0, network.batches(len(labels), epoch, args)
        for batch in steps:
            share = batch[cluster.number :: size]
            total += float(step(pixels[share], labels[share], len(batch)))
        if progress:
            progress.epoch(epoch, steps=len(steps), loss=total / sum(map(len, steps)))
            if epoch % args.checkpoint_every == 0 or epoch == args.epochs:
                checkpoints.save(epoch, layers.state().save)
    return layers.state().weights


def _strategy(cluster: Cluster, peer_seconds: float) -> Any:
    if not cluster.trainers:
        return tf.distribute.get_strategy()
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(dict(cluster.addresses)), task_type=cluster.task, task_id=cluster.index, rpc_layer="grpc"
    )
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=peer_seconds)
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver, communication_options=options)


def _resume(args: NetworkArgs, checkpoints: Checkpoints) -> tuple[int, State]:
    with checkpoints.newest() as found:
        if found:
            return found[0], State.load(found[1])
    return 0, State.start(network.initial(args))
