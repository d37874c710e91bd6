"""The PyTorch trainer: what the engines' variables mean, and real processes where torch can be imported."""

from __future__ import annotations

import importlib.util
import json
from datetime import timedelta
from pathlib import Path

import pytest

from images.workloads.common.environment import UsageError
from images.workloads.torch_trainer.launch import Group, group, of_pod, wants_launcher
from tests.unit.images.processes import free_port, started
from tests.unit.images.workload import NAME, Trained

MODULE = "workloads.torch_trainer"
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is in the image torch-trainer, not on this machine"
)

PYTORCHJOB = {"MASTER_ADDR": "digits-master-0", "MASTER_PORT": "23456", "WORLD_SIZE": "3", "RANK": "2"}
TRAINJOB = {
    "PET_NNODES": "3",
    "PET_NPROC_PER_NODE": "1",
    "PET_NODE_RANK": "2",
    "PET_MASTER_ADDR": "digits-node-0-0.digits",
    "PET_MASTER_PORT": "29500",
}


def test_without_variables_a_training_is_alone() -> None:
    assert group({}, peer_seconds=60) == Group(rank=0, size=1, timeout=timedelta(seconds=60))


def test_a_pytorchjob_says_which_process_this_is() -> None:
    # The operator sets these two whatever the launcher, and without an address for it.
    environ = {**PYTORCHJOB, "PET_NNODES": "3", "PET_NODE_RANK": "2", "PET_NPROC_PER_NODE": "1"}
    assert not wants_launcher(environ)
    assert group(environ, peer_seconds=60) == Group(rank=2, size=3, timeout=timedelta(seconds=60))


def test_a_process_that_is_alone_in_its_pod_needs_no_torchrun() -> None:
    """Debian's torch has no libuv, and two places of torchrun ask for it whatever USE_LIBUV says."""
    assert not wants_launcher(TRAINJOB)
    own = of_pod(TRAINJOB)
    assert own == {"MASTER_ADDR": "digits-node-0-0.digits", "MASTER_PORT": "29500", "WORLD_SIZE": "3", "RANK": "2"}
    assert group({**TRAINJOB, **own}, peer_seconds=60) == Group(rank=2, size=3, timeout=timedelta(seconds=60))
    # Of an operator that says both, the variables of the process itself are taken.
    assert of_pod({**TRAINJOB, **PYTORCHJOB}) == of_pod(PYTORCHJOB) == {}


@pytest.mark.parametrize(
    "environ",
    [{**TRAINJOB, "PET_NPROC_PER_NODE": "8"}, {"PET_RDZV_ENDPOINT": "digits-worker-0:23456", "PET_NNODES": "1:3"}],
)
def test_several_processes_and_an_elastic_pytorchjob_want_torchrun(environ: dict[str, str]) -> None:
    assert wants_launcher(environ)
    assert of_pod(environ) == {}
    # torchrun starts the same program, and passes its own variables on.
    assert not wants_launcher({**environ, "TORCHELASTIC_RUN_ID": "none"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"RANK": "3"}, "RANK is 3 and WORLD_SIZE 3"),
        ({"RANK": "first"}, "RANK is 'first': it must be a whole number"),
        ({"WORLD_SIZE": "-1"}, "WORLD_SIZE is '-1'"),
        ({"WORLD_SIZE": "0", "RANK": "0"}, "WORLD_SIZE 0"),
        ({"MASTER_ADDR": None}, "MASTER_ADDR is not set: with WORLD_SIZE 3"),
        ({"MASTER_PORT": None}, "MASTER_PORT is not set"),
        ({"RANK": None}, "RANK is not set"),
    ],
)
def test_a_wrong_place_is_named(change: dict[str, str | None], message: str) -> None:
    environ = {key: value for key, value in {**PYTORCHJOB, **change}.items() if value is not None}
    with pytest.raises(UsageError, match=message):
        group(environ, peer_seconds=60)


def _environs(trained: Trained, root: Path, size: int = 3) -> list[dict[str, str]]:
    shared = {
        "DATA_DIR": str(trained.data),
        "MODEL_DIR": str(root / "models" / NAME / "v1"),
        "CHECKPOINT_DIR": str(root / "checkpoints"),
        "USE_LIBUV": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": str(size),
    }
    return [{**shared, "RANK": str(rank)} for rank in range(size)]


def _accuracy(root: Path) -> float:
    return json.loads((root / "models" / NAME / "v1" / "manifest.json").read_text())["metrics"]["accuracy"]


@needs_torch
def test_three_processes_train_one_model(trained: Trained, tmp_path: Path) -> None:
    with started(MODULE, ["train"], _environs(trained, tmp_path), tmp_path / "logs") as processes:
        assert [process.wait() for process in processes] == [0, 0, 0]
    assert _accuracy(tmp_path) >= 0.97
    assert processes[0].events("training")[0]["workers"] == 3
    losses = [event["loss"] for event in processes[0].events("progress")]
    assert losses[-1] < losses[0] / 10
    assert not any(process.events("model written") for process in processes[1:])


@needs_torch
def test_a_killed_training_goes_on_from_its_checkpoint(trained: Trained, tmp_path: Path) -> None:
    argv = ["train", "--epoch-seconds", "0.2"]
    with started(MODULE, argv, _environs(trained, tmp_path), tmp_path / "first") as first:
        first[0].wait_for(lambda process: len(process.events("progress")) >= 12)
        first[1].run.kill()
        # The others notice, and end in a way that has them started again.
        assert [first[rank].wait() for rank in (0, 2)] == [1, 1]
        assert "lost another process of the training" in first[0].text()
    with started(MODULE, ["train"], _environs(trained, tmp_path), tmp_path / "second") as second:
        assert [process.wait() for process in second] == [0, 0, 0]
    (resumed,) = second[0].events("resuming")
    assert resumed["epoch"] >= 10
    assert second[0].events("progress")[0]["epoch"] == resumed["epoch"] + 1
    assert _accuracy(tmp_path) >= 0.97


@needs_torch
def test_torchrun_starts_the_processes_and_passes_their_exit_code_on(trained: Trained, tmp_path: Path) -> None:
    environ, port = _environs(trained, tmp_path)[0], str(free_port())
    for key in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK"):
        del environ[key]
    pets = {"PET_NNODES": "2", "PET_NPROC_PER_NODE": "1", "PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": port}
    nodes = [{**environ, **pets, "PET_NODE_RANK": str(rank), "MIN_ACCURACY": "1"} for rank in range(2)]
    with started(MODULE, ["train", "--epochs", "2"], nodes, tmp_path / "bad") as bad:
        assert bad[0].wait() == 65
    assert "is below MIN_ACCURACY 1.0" in bad[0].text()
    with started(MODULE, ["train"], [{**node, "MIN_ACCURACY": "0.97"} for node in nodes], tmp_path / "good") as good:
        assert [process.wait() for process in good] == [0, 0]
    assert good[0].events("training")[0]["workers"] == 2
