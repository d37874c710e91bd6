"""The network that every distributed trainer trains: 64 pixels, one hidden layer, ten digits.

Start, batches and served form are the same whatever the engine and however many its workers, so that results can be
compared.
"""

import argparse
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler

from . import values
from .digits import Array, Digits
from .log import log

PIXELS, DIGITS = 64, 10


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Hyper-parameters.

    `hidden`: units of the hidden layer. `epochs`: passes over the training rows. `batch`: rows of a step, of all
    workers together. `learning_rate`: of Adam. `seed`: of the first weights and of the order of the rows.
    `checkpoint_every`: epochs between two checkpoints. `epoch_seconds`: an epoch takes at least so long.
    """

    hidden: int = 128
    epochs: int = 40
    batch: int = 64
    learning_rate: float = 0.002
    seed: int = 0
    checkpoint_every: int = 5
    epoch_seconds: float = 0.0

    @property
    def parameters(self) -> dict[str, Any]:
        """What the result depends on."""
        return {name: getattr(self, name) for name in ("hidden", "epochs", "batch", "learning_rate", "seed")}


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Of both layers, float32: `(64, hidden)`, `(hidden,)`, `(hidden, 10)`, `(10,)`."""

    hidden: Array
    hidden_bias: Array
    output: Array
    output_bias: Array

    def arrays(self) -> list[Array]:
        """The four arrays in their order."""
        return [self.hidden, self.hidden_bias, self.output, self.output_bias]

    @classmethod
    def of(cls, arrays: Any) -> "Weights":
        """Weights from four arrays in the order of `arrays()`."""
        hidden, hidden_bias, output, output_bias = (np.asarray(one, dtype=np.float32) for one in arrays)
        return cls(hidden=hidden, hidden_bias=hidden_bias, output=output, output_bias=output_bias)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments for all of NetworkArgs."""
    default = "(default: %(default)s)"
    for name, kind, what in (
        ("hidden", values.count, "units of the hidden layer"),
        ("epochs", values.count, "passes over the training rows"),
        ("batch", values.count, "rows of a step, of all workers together"),
        ("learning-rate", values.positive, "of Adam, more than 0"),
        ("seed", values.seed, "of the first weights and of the order of the rows"),
        ("checkpoint-every", values.count, "epochs between two checkpoints"),
        ("epoch-seconds", values.seconds, "an epoch takes at least so long, to watch it or to interrupt it"),
    ):
        preset = getattr(NetworkArgs, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=kind, default=preset, help=f"{what} {default}")


def add_peer_seconds(parser: argparse.ArgumentParser) -> None:
    """The argument for how patient a process is with the others."""
    parser.add_argument(
        "--peer-seconds",
        type=values.positive,
        default=300.0,
        help="how long to wait for the other processes, at the start and in each step (default: %(default)s)",
    )


def network_args(args: argparse.Namespace) -> NetworkArgs:
    """What was given on the command line."""
    return NetworkArgs(**{name: getattr(args, name) for name in NetworkArgs.__dataclass_fields__})


def scaled(pixels: Array, scale: Array) -> Array:
    """Pixels 0–1 as float32, by the largest value of each; a pixel that is always 0 stays 0."""
    return (pixels / np.where(scale == 0, 1, scale)).astype(np.float32)


def initial(args: NetworkArgs) -> Weights:
    """The weights that training starts with: normal, He's variance for the rectified layer, no bias."""
    random = np.random.default_rng(args.seed)

    def layer(inputs: int, outputs: int) -> Array:
        return random.normal(0, np.sqrt(2 / inputs), (inputs, outputs))

    hidden, output = layer(PIXELS, args.hidden), layer(args.hidden, DIGITS)
    return Weights.of([hidden, np.zeros(args.hidden), output, np.zeros(DIGITS)])


def batches(rows: int, epoch: int, args: NetworkArgs) -> list[Array]:
    """Indices of the rows of each step of an epoch, shuffled by seed and epoch.

    The rows that are left over when all batches are full come in other epochs.
    """
    size = min(args.batch, rows)
    order = np.random.default_rng([args.seed, epoch]).permutation(rows)
    return [order[start : start + size] for start in range(0, rows - size + 1, size)]


def classifier(weights: Weights, digits: Digits) -> Pipeline:
    """The network as scikit-learn's classifier of raw pixels, which the sample predictor serves."""
    scaler = MaxAbsScaler().fit(digits.scale.reshape(1, -1))
    network = MLPClassifier(hidden_layer_sizes=(len(weights.hidden_bias),))
    # A first step sets all that the classifier knows besides its weights.
    network.partial_fit(np.zeros((DIGITS, PIXELS)), np.arange(DIGITS), classes=np.arange(DIGITS))
    network.coefs_ = [weights.hidden, weights.output]
    network.intercepts_ = [weights.hidden_bias, weights.output_bias]
    return Pipeline([("scale", scaler), ("classify", network)])


class Progress:
    """Logs each epoch with its loss, and keeps to `epoch_seconds`."""

    def __init__(self, args: NetworkArgs, *, workers: int, first: int) -> None:
        self._args = args
        self._epoch_started = time.monotonic()
        log("training", workers=workers, epochs=args.epochs, first=first)

    def epoch(self, epoch: int, *, steps: int, loss: float) -> None:
        """Report that epoch `epoch`, from 1, of `steps` steps is done; `loss` is the mean over its rows."""
        left = self._epoch_started + self._args.epoch_seconds - time.monotonic()
        time.sleep(max(left, 0))
        log("progress", epoch=epoch, epochs=self._args.epochs, step=epoch * steps, loss=round(loss, 6))
        self._epoch_started = time.monotonic()
