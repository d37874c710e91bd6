"""The network in numpy: gradients of some rows, and Adam's steps. For engines that bring no network of their own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from .digits import Array
from .network import Weights

_STATE = "state.npz"
# Adam's usual constants: how slowly both means move, and what keeps the root off zero.
_BETA, _BETA_SQUARE, _EPSILON = 0.9, 0.999, 1e-8


def gradients(weights: Weights, pixels: Array, labels: Array) -> tuple[float, list[Array]]:
    """Loss and gradients of the four arrays of `weights`, each the sum over the rows; there may be none.

    `pixels`: scaled, `(rows, 64)`. `labels`: `(rows,)`. The loss is the cross-entropy of the ten digits.
    """
    hidden = np.maximum(pixels @ weights.hidden + weights.hidden_bias, 0)
    scores = hidden @ weights.output + weights.output_bias
    scores -= scores.max(axis=1, keepdims=True)
    rows, powers = np.arange(len(labels)), np.exp(scores)
    total = powers.sum(axis=1, keepdims=True)
    loss = float((np.log(total[:, 0]) - scores[rows, labels]).sum())
    wrong = powers / total
    wrong[rows, labels] -= 1
    back = (wrong @ weights.output.T) * (hidden > 0)
    return loss, [pixels.T @ back, back.sum(axis=0), hidden.T @ wrong, wrong.sum(axis=0)]


def joined(loss: float, slopes: list[Array]) -> Array:
    """Loss and gradients as one row of numbers, which workers can add up."""
    return np.concatenate([np.array([loss], dtype=np.float32), *(slope.ravel() for slope in slopes)])


def parted(row: Array, weights: Weights) -> tuple[float, list[Array]]:
    """Loss and gradients of such a row."""
    ends = np.cumsum([1, *(array.size for array in weights.arrays())])
    first, *slopes = np.split(row, ends[:-1])
    return float(first[0]), [slope.reshape(w.shape) for slope, w in zip(slopes, weights.arrays(), strict=True)]


@dataclass(frozen=True, kw_only=True)
class State:
    """All that a training knows between two steps: weights, Adam's means of gradients and of their squares."""

    steps: int
    weights: Weights
    mean: Weights
    square: Weights

    @classmethod
    def start(cls, weights: Weights) -> Self:
        """Before the first step."""
        zero = Weights.of(np.zeros_like(array) for array in weights.arrays())
        return cls(steps=0, weights=weights, mean=zero, square=zero)

    def step(self, gradient: list[Array], learning_rate: float) -> "State":
        """After one step of Adam along the mean gradient of a batch."""
        steps = self.steps + 1
        pairs = list(zip(self.mean.arrays(), self.square.arrays(), gradient, strict=True))
        mean = [_BETA * mean + (1 - _BETA) * slope for mean, _, slope in pairs]
        square = [_BETA_SQUARE * square + (1 - _BETA_SQUARE) * slope**2 for _, square, slope in pairs]
        # Both begin at zero, and are that much too small.
        rate, root = learning_rate / (1 - _BETA**steps), 1 - _BETA_SQUARE**steps
        weights = [
            array - rate * m / (np.sqrt(s / root) + _EPSILON)
            for array, m, s in zip(self.weights.arrays(), mean, square, strict=True)
        ]
        return State(steps=steps, weights=Weights.of(weights), mean=Weights.of(mean), square=Weights.of(square))

    def save(self, folder: Path) -> None:
        """Write it to a checkpoint."""
        arrays = [*self.weights.arrays(), *self.mean.arrays(), *self.square.arrays()]
        with (folder / _STATE).open("wb") as file:
            np.savez(file, np.array(self.steps), *arrays, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it from a checkpoint."""
        with np.load(folder / _STATE, allow_pickle=False) as file:
            steps, *arrays = (file[f"arr_{number}"] for number in range(13))
        weights, mean, square = (Weights.of(arrays[start : start + 4]) for start in (0, 4, 8))
        return cls(steps=int(steps), weights=weights, mean=mean, square=square)
