"""The network in TensorFlow: its loss, its gradients, and Adam's steps on variables, wherever a strategy puts them."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ..common.descent import State
from ..common.network import PIXELS, Weights

# Without types: the package is in the image, not in the development environment.
tf: Any = import_module("tensorflow")

ROWS = (tf.TensorSpec([None, PIXELS], tf.float32), tf.TensorSpec([None], tf.int64))
# Adam's usual constants, as in common/descent.py.
_BETA, _BETA_SQUARE, _EPSILON = 0.9, 0.999, 1e-8


class Network:
    """The variables of a training: made under a strategy's scope, they are where the strategy puts them."""

    def __init__(self, state: State) -> None:
        self.steps = tf.Variable(state.steps, dtype=tf.int64)
        self.weights = [tf.Variable(array) for array in state.weights.arrays()]
        self._mean = [tf.Variable(array) for array in state.mean.arrays()]
        self._square = [tf.Variable(array) for array in state.square.arrays()]

    def state(self) -> State:
        """Their values now."""
        weights, mean, square = (
            Weights.of(one.numpy() for one in variables) for variables in (self.weights, self._mean, self._square)
        )
        return State(steps=int(self.steps.numpy()), weights=weights, mean=mean, square=square)

    def gradients(self, pixels: Any, labels: Any) -> Any:
        """Loss and gradients as one row of numbers, each the sum over the rows; there may be none."""
        with tf.GradientTape() as tape:
            scores = _scores(self.weights, pixels)
            loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores))
        slopes = tape.gradient(loss, self.weights)
        return tf.concat([tf.reshape(loss, [1]), *(tf.reshape(slope, [-1]) for slope in slopes)], axis=0)

    def step(self, sums: Any, rows: Any, learning_rate: float) -> Any:
        """One step of Adam along the mean of `rows` rows; `sums` as `gradients` has them. The summed loss."""
        sizes = [1, *(one.shape.num_elements() for one in self.weights)]
        loss, *slopes = tf.split(sums, sizes)
        count = tf.cast(rows, tf.float32)
        self.steps.assign_add(1)
        steps = tf.cast(self.steps, tf.float32)
        # Both means begin at zero, and are that much too small.
        rate, root = learning_rate / (1 - _BETA**steps), 1 - _BETA_SQUARE**steps
        for weight, mean, square, slope in zip(self.weights, self._mean, self._square, slopes, strict=True):
            gradient = tf.reshape(slope, weight.shape) / count
            mean.assign_sub((1 - _BETA) * (mean - gradient))
            square.assign_sub((1 - _BETA_SQUARE) * (square - gradient**2))
            weight.assign_sub(rate * mean / (tf.sqrt(square / root) + _EPSILON))
        return loss[0]


def _scores(weights: Sequence[Any], pixels: Any) -> Any:
    hidden, hidden_bias, output, output_bias = weights
    return tf.nn.relu(pixels @ hidden + hidden_bias) @ output + output_bias
