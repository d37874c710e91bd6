"""The Ray trainer without Ray: its command line, and what an actor computes."""

from __future__ import annotations

import numpy as np
import pytest

from images.workloads.common import descent, network
from images.workloads.common.network import NetworkArgs
from images.workloads.ray_trainer.__main__ import main
from images.workloads.ray_trainer.train import Shard


@pytest.mark.parametrize("words", [["--workers", "0"], ["--cpus", "0"], ["--peer-seconds", "-1"], ["--actors", "2"]])
def test_wrong_arguments_end_at_once(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", *words], {})
    assert ended.value.code == 64
    assert words[0] in capsys.readouterr().err


def test_the_gradients_of_shares_add_up_to_those_of_a_step() -> None:
    random = np.random.default_rng(1)
    pixels, labels = random.integers(0, 17, (12, 64), dtype=np.uint8), random.integers(0, 10, 12, dtype=np.uint8)
    scale = pixels.max(axis=0)
    weights = network.initial(NetworkArgs(hidden=8))
    whole = descent.joined(*descent.gradients(weights, network.scaled(pixels, scale), labels))
    shard, rows = Shard(pixels, scale, labels), np.arange(12)
    parts = [shard.gradients(weights, rows[at::3]) for at in range(3)]
    assert np.allclose(sum(parts), whole, rtol=1e-4, atol=1e-4)
