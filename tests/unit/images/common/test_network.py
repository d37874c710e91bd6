"""What all distributed trainers share: the same start, the same batches, the same served form."""

import argparse

import numpy as np
import pytest

from images.workloads.common import network
from images.workloads.common.digits import Digits, PreprocessArgs, split
from images.workloads.common.network import NetworkArgs, Weights


@pytest.fixture(scope="module")
def digits() -> Digits:
    return split(PreprocessArgs())


def test_the_start_depends_on_the_seed_alone() -> None:
    first, same, other = (network.initial(NetworkArgs(seed=seed)).arrays() for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert [array.shape for array in first] == [(64, 128), (128,), (128, 10), (10,)]
    assert {array.dtype for array in first} == {np.dtype(np.float32)}


def test_batches_are_full_and_have_no_row_twice() -> None:
    batches = network.batches(1347, 1, NetworkArgs(batch=64))
    rows = np.concatenate(batches)
    assert {len(batch) for batch in batches} == {64}
    assert len(rows) == len(set(rows.tolist())) == 1344
    assert set(rows.tolist()) < set(range(1347))


def test_each_epoch_has_an_order_of_its_own_which_does_not_change() -> None:
    first, second = (np.concatenate(network.batches(100, epoch, NetworkArgs(batch=10))) for epoch in (1, 2))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, np.concatenate(network.batches(100, 1, NetworkArgs(batch=10))))


def test_fewer_rows_than_a_batch_are_one_batch() -> None:
    assert [len(batch) for batch in network.batches(5, 1, NetworkArgs(batch=64))] == [5]


def test_the_served_form_computes_the_network(digits: Digits) -> None:
    random = np.random.default_rng(3)
    weights = Weights.of(random.normal(0, 0.3, shape) for shape in ((64, 40), (40,), (40, 10), (10,)))
    pixels = network.scaled(digits.test_pixels, digits.scale)
    layer = np.maximum(pixels @ weights.hidden + weights.hidden_bias, 0)
    expected = (layer @ weights.output + weights.output_bias).argmax(axis=1)
    assert len(set(expected.tolist())) > 2
    assert network.classifier(weights, digits).predict(digits.test_pixels).tolist() == expected.tolist()


def test_a_pixel_that_is_always_empty_stays_empty() -> None:
    scaled = network.scaled(np.array([[0, 8], [0, 16]]), np.array([0, 16]))
    assert scaled.tolist() == [[0, 0.5], [0, 1]]


def _parsed(*argv: str) -> NetworkArgs:
    parser = argparse.ArgumentParser()
    network.add_arguments(parser)
    return network.network_args(parser.parse_args(argv))


def test_arguments_say_all_of_it() -> None:
    assert _parsed() == NetworkArgs()
    words = "--hidden 8 --epochs 3 --batch 16 --learning-rate 0.1 --seed 5 --checkpoint-every 2 --epoch-seconds 0.5"
    assert _parsed(*words.split()) == NetworkArgs(
        hidden=8, epochs=3, batch=16, learning_rate=0.1, seed=5, checkpoint_every=2, epoch_seconds=0.5
    )


@pytest.mark.parametrize("words", ["--hidden 0", "--epochs 1.5", "--learning-rate 0", "--epoch-seconds -1"])
def test_arguments_out_of_range_are_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parsed(*words.split())
    assert words.split()[0] in capsys.readouterr().err


def test_what_the_result_does_not_depend_on_is_no_parameter() -> None:
    slow = NetworkArgs(checkpoint_every=1, epoch_seconds=9)
    assert slow.parameters == NetworkArgs().parameters
    assert NetworkArgs(hidden=8).parameters != NetworkArgs().parameters
