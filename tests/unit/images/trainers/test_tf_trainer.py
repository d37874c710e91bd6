"""The TensorFlow trainer: what TF_CONFIG means, and real processes where TensorFlow can be imported."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from images.workloads.common.environment import UsageError
from images.workloads.tf_trainer.__main__ import main
from images.workloads.tf_trainer.cluster import ALONE, cluster
from tests.unit.images.processes import Process, free_port, started
from tests.unit.images.workload import NAME, Trained

MODULE = "workloads.tf_trainer"
needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is in the image tf-trainer, not on this machine"
)

# As the operator writes it, evaluators included.
SERVERS = {
    "chief": ["ranker-chief-0.team.svc:2222"],
    "worker": ["ranker-worker-0.team.svc:2222", "ranker-worker-1.team.svc:2222"],
    "ps": ["ranker-ps-0.team.svc:2222"],
    "evaluator": ["ranker-evaluator-0.team.svc:2222"],
}
WORKERS = {"worker": [f"ranker-worker-{number}.team.svc:2222" for number in range(3)]}


def _environ(addresses: object, task: str = "worker", index: int = 0) -> dict[str, str]:
    config = {"cluster": addresses, "task": {"type": task, "index": index}, "environment": "cloud"}
    return {"TF_CONFIG": json.dumps(config)}


def test_without_a_variable_a_training_is_alone() -> None:
    assert cluster({}) == cluster({"TF_CONFIG": ""}) == ALONE
    assert (ALONE.number, ALONE.trainers, ALONE.has_servers) == (0, [], False)


def test_with_parameter_servers_the_chief_is_first_and_workers_train() -> None:
    chief = cluster(_environ(SERVERS, "chief"))
    assert chief.has_servers
    assert chief.number == 0
    assert chief.trainers == SERVERS["worker"]
    # An evaluator is not part of what trains, so that nobody waits for it.
    assert "evaluator" not in chief.addresses
    evaluator = cluster(_environ(SERVERS, "evaluator"))
    assert (evaluator.task, evaluator.addresses) == ("evaluator", chief.addresses)


@pytest.mark.parametrize(
    ("addresses", "task", "index", "number"),
    [
        (WORKERS, "worker", 2, 2),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "chief", 0, 0),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "worker", 0, 1),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": []}, "worker", 1, 2),
    ],
)
def test_without_parameter_servers_chief_and_workers_train(
    addresses: dict[str, list[str]], task: str, index: int, number: int
) -> None:
    found = cluster(_environ(addresses, task, index))
    assert not found.has_servers
    assert found.number == number
    assert found.trainers == [*addresses.get("chief", []), *addresses["worker"]]


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"TF_CONFIG": "{"}, "it must be JSON"),
        ({"TF_CONFIG": "[]"}, "it must be JSON"),
        ({"TF_CONFIG": "{}"}, "it must be JSON"),
        (_environ(WORKERS, "worker", 3), "it must be JSON"),
        (_environ(WORKERS, "chief"), "it must be JSON"),
        (_environ({"worker": "a:1"}), "it must be JSON"),
        (_environ({"worker": {"0": "a:1"}}), "it must be JSON"),
        (_environ({"worker": [1]}), "it must be JSON"),
        (_environ({"master": ["a:1"]}, "master"), "the task 'master': those of this program are chief, worker"),
        (_environ({"worker": ["a"]}), "'a' for this process, a worker: it must be host:port"),
        (_environ({"worker": ["a:1"], "ps": ["b:1"]}), "parameter servers without a chief and a worker"),
        (_environ({"chief": ["a:1"], "ps": ["b:1"]}, "chief"), "parameter servers without a chief and a worker"),
    ],
)
def test_a_wrong_variable_is_named_before_tensorflow_is_imported(
    environ: dict[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {"DATA_DIR": str(tmp_path / "data" / "v1"), "MODEL_DIR": str(tmp_path / NAME / "v1")}
    assert main(["train"], {**folders, **environ}) == 64
    error = capsys.readouterr().err
    assert error.startswith("tf-trainer: TF_CONFIG ")
    assert message in error
    with pytest.raises(UsageError):
        cluster(environ)


def test_the_process_ends_with_the_code_of_its_command(tmp_path: Path) -> None:
    """It ends in its own way, past TensorFlow's threads."""
    with started(MODULE, ["train", "--nonsense"], [{}], tmp_path) as (wrong,):
        assert wrong.wait() == 64
    assert "tf-trainer: error: unrecognized arguments: --nonsense" in wrong.text()
    with started(MODULE, ["preprocess"], [{"DATA_DIR": str(tmp_path / "data" / "v1")}], tmp_path) as (right,):
        assert right.wait() == 0
    assert right.events("done")


def _processes(trained: Trained, root: Path, tasks: Sequence[str]) -> list[dict[str, str]]:
    """The environment of each task, such as `worker`, of one cluster on this machine."""
    addresses: dict[str, list[str]] = {}
    own: list[tuple[str, int]] = []
    for task in tasks:
        found = addresses.setdefault(task, [])
        own.append((task, len(found)))
        found.append(f"localhost:{free_port()}")
    shared = {
        "DATA_DIR": str(trained.data),
        "MODEL_DIR": str(root / "models" / NAME / "v1"),
        "CHECKPOINT_DIR": str(root / "checkpoints"),
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
    }
    return [{**shared, **_environ(addresses, task, index)} for task, index in own]


def _manifest(root: Path) -> dict[str, Any]:
    return json.loads((root / "models" / NAME / "v1" / "manifest.json").read_text())


def _check_saved_model(trained: Trained, root: Path) -> None:
    tf: Any = importlib.import_module("tensorflow")
    folder = root / "models" / NAME / "v1" / "saved_model" / "1"
    samples = json.loads((trained.model / "samples.json").read_text())
    answer = tf.saved_model.load(str(folder)).signatures["serving_default"](tf.constant(samples["inputs"], tf.float32))
    right = (answer["digit"].numpy() == samples["labels"]).mean()
    assert right == pytest.approx(_manifest(root)["metrics"]["accuracy"])


@needs_tensorflow
def test_three_mirrored_workers_train_one_model(trained: Trained, tmp_path: Path) -> None:
    with started(MODULE, ["train"], _processes(trained, tmp_path, ["worker"] * 3), tmp_path / "logs") as processes:
        assert [process.wait(300) for process in processes] == [0, 0, 0]
    assert _manifest(tmp_path)["metrics"]["accuracy"] >= 0.97
    assert processes[0].events("training")[0]["workers"] == 3
    assert not any(process.events("model written") for process in processes[1:])
    _check_saved_model(trained, tmp_path)


@needs_tensorflow
def test_mirrored_workers_that_lost_one_go_on_from_their_checkpoint(trained: Trained, tmp_path: Path) -> None:
    argv = ["train", "--epoch-seconds", "0.2"]
    with started(MODULE, argv, _processes(trained, tmp_path, ["worker"] * 3), tmp_path / "first") as first:
        first[0].wait_for(lambda process: len(process.events("progress")) >= 12, 300)
        first[1].run.kill()
        assert [first[rank].wait(120) for rank in (0, 2)] == [1, 1]
        assert "lost another process of the training" in first[0].text()
    with started(MODULE, ["train"], _processes(trained, tmp_path, ["worker"] * 3), tmp_path / "second") as second:
        assert [process.wait(300) for process in second] == [0, 0, 0]
    (resumed,) = second[0].events("resuming")
    assert second[0].events("progress")[0]["epoch"] == resumed["epoch"] + 1
    assert _manifest(tmp_path)["metrics"]["accuracy"] >= 0.97


@needs_tensorflow
def test_parameter_servers_outlive_a_worker_and_an_evaluator_looks_on(trained: Trained, tmp_path: Path) -> None:
    tasks = ["chief", "worker", "worker", "ps", "evaluator"]

    def trained_epochs(process: Process) -> bool:
        return len(process.events("progress")) >= 12

    argv = ["train", "--epoch-seconds", "0.2"]
    with started(MODULE, argv, _processes(trained, tmp_path, tasks), tmp_path / "logs") as processes:
        chief, lost, _, _, evaluator = processes
        chief.wait_for(trained_epochs, 300)
        lost.run.kill()
        assert chief.wait(300) == 0
        assert evaluator.wait(60) == 0
    # Not one epoch was trained twice.
    assert [event["epoch"] for event in chief.events("progress")] == list(range(1, 41))
    assert evaluator.events("metrics")[-1]["accuracy"] >= 0.9
    assert _manifest(tmp_path)["metrics"]["accuracy"] >= 0.97
    _check_saved_model(trained, tmp_path)
