"""The network in numpy: its gradients are those of the loss, shares add up, and a state survives its checkpoint."""

from pathlib import Path

import numpy as np
import pytest

from images.workloads.common import descent, network
from images.workloads.common.descent import State
from images.workloads.common.digits import Array, Digits, PreprocessArgs, split
from images.workloads.common.network import NetworkArgs, Weights

ARGS = NetworkArgs(hidden=12)


@pytest.fixture(scope="module")
def digits() -> Digits:
    return split(PreprocessArgs())


@pytest.fixture(scope="module")
def rows(digits: Digits) -> tuple[Array, Array]:
    return network.scaled(digits.train_pixels[:50], digits.scale), digits.train_labels[:50]


def test_each_gradient_is_the_slope_of_the_loss(rows: tuple[Array, Array]) -> None:
    weights = network.initial(ARGS)
    _, slopes = descent.gradients(weights, *rows)
    for number, slope in enumerate(slopes):
        # Along itself a gradient is as steep as it is long: one with another direction is steeper than the loss there.
        length = np.linalg.norm(slope)
        around: list[float] = []
        for step in (-0.01, 0.01):
            arrays = weights.arrays()
            arrays[number] = arrays[number] + step * slope / length
            around.append(descent.gradients(Weights.of(arrays), *rows)[0])
        assert (around[1] - around[0]) / 0.02 == pytest.approx(float(length), rel=0.01)


def test_the_loss_of_an_untrained_network_is_that_of_guessing() -> None:
    weights = Weights.of(np.zeros_like(array) for array in network.initial(ARGS).arrays())
    loss, _ = descent.gradients(weights, np.ones((3, 64), dtype=np.float32), np.array([0, 1, 2]))
    assert loss == pytest.approx(3 * np.log(10))


def test_shares_add_up_to_the_whole(rows: tuple[Array, Array]) -> None:
    weights, (pixels, labels) = network.initial(ARGS), rows
    whole = descent.joined(*descent.gradients(weights, pixels, labels))
    # One process more than there are rows to give: its share is empty.
    parts = [descent.joined(*descent.gradients(weights, pixels[at::51], labels[at::51])) for at in range(51)]
    assert np.allclose(np.sum(parts, axis=0), whole, rtol=1e-4, atol=1e-4)


def test_a_row_is_parted_as_it_was_joined() -> None:
    weights = network.initial(ARGS)
    loss, arrays = descent.parted(descent.joined(7.5, weights.arrays()), weights)
    assert loss == 7.5
    assert all(np.array_equal(a, b) for a, b in zip(arrays, weights.arrays(), strict=True))


def test_a_first_step_goes_one_learning_rate_down() -> None:
    weights = network.initial(ARGS)
    slopes = [np.full_like(array, -3) for array in weights.arrays()]
    after = State.start(weights).step(slopes, 0.01)
    for old, new in zip(weights.arrays(), after.weights.arrays(), strict=True):
        assert np.allclose(new - old, 0.01, atol=1e-6)


def test_training_goes_on_from_a_saved_state_as_if_nothing_had_been(rows: tuple[Array, Array], tmp_path: Path) -> None:
    def steps(state: State, count: int) -> State:
        for _ in range(count):
            _, slopes = descent.gradients(state.weights, *rows)
            state = state.step([slope / 50 for slope in slopes], 0.01)
        return state

    half = steps(State.start(network.initial(ARGS)), 10)
    half.save(tmp_path)
    whole, resumed = steps(half, 10), steps(State.load(tmp_path), 10)
    assert resumed.steps == 20
    for a, b in zip(whole.weights.arrays(), resumed.weights.arrays(), strict=True):
        assert np.array_equal(a, b)


def test_it_learns_the_digits(digits: Digits) -> None:
    state, args = State.start(network.initial(NetworkArgs())), NetworkArgs()
    pixels = network.scaled(digits.train_pixels, digits.scale)
    for epoch in range(1, args.epochs + 1):
        for batch in network.batches(len(pixels), epoch, args):
            _, slopes = descent.gradients(state.weights, pixels[batch], digits.train_labels[batch])
            state = state.step([slope / len(batch) for slope in slopes], args.learning_rate)
    predicted = network.classifier(state.weights, digits).predict(digits.test_pixels)
    assert (predicted == digits.test_labels).mean() >= 0.97
