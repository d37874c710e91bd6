"""The Ray trainer: its command line, what it says of a cluster without room, and a cluster where Ray is installed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from images.workloads.common import descent, network
from images.workloads.common.network import NetworkArgs
from images.workloads.ray_trainer.__main__ import main
from images.workloads.ray_trainer.train import Shard
from tests.unit.images.processes import Process, started
from tests.unit.images.workload import NAME, Trained

MODULE = "workloads.ray_trainer"
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="ray is in the image ray-trainer, not on this machine"
)


def _environ(trained: Trained, root: Path) -> dict[str, str]:
    return {
        "DATA_DIR": str(trained.data),
        "MODEL_DIR": str(root / "models" / NAME / "v1"),
        "CHECKPOINT_DIR": str(root / "checkpoints"),
        "PYTHONPATH": ":".join(filter(None, [str(Path(__file__).parents[4] / "images"), _site()])),
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def _site() -> str:
    found = importlib.util.find_spec("ray")
    return str(Path(found.origin).parents[1]) if found and found.origin else ""


def _accuracy(root: Path) -> float:
    return json.loads((root / "models" / NAME / "v1" / "manifest.json").read_text())["metrics"]["accuracy"]


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


@needs_ray
def test_actors_train_one_model_and_a_killed_program_resumes(trained: Trained, tmp_path: Path) -> None:
    environ = _environ(trained, tmp_path)

    def epochs(process: Process) -> int:
        return len(process.events("progress"))

    with started(MODULE, ["train", "--epoch-seconds", "0.2"], [environ], tmp_path / "first") as (first,):
        first.wait_for(lambda process: epochs(process) >= 12)
        first.run.kill()
    with started(MODULE, ["train"], [environ], tmp_path / "second") as (second,):
        assert second.wait(240) == 0
    (resumed,) = second.events("resuming")
    assert resumed["epoch"] >= 10
    assert second.events("progress")[0]["epoch"] == resumed["epoch"] + 1
    assert second.events("training")[0]["workers"] == 2
    assert _accuracy(tmp_path) >= 0.97


@needs_ray
def test_a_cluster_without_room_is_named(trained: Trained, tmp_path: Path) -> None:
    argv = ["train", "--cpus", "500", "--peer-seconds", "3"]
    with started(MODULE, argv, [_environ(trained, tmp_path)], tmp_path / "logs") as (process,):
        assert process.wait(240) == 1
    assert "no answer of 2 actors with 500 CPUs each in 3 s" in process.text()
