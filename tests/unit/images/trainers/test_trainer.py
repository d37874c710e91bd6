"""The trainer's command line: a really trained model, what it writes, and how it fails."""

import errno
import fcntl
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from images.workloads.common.command import explain
from images.workloads.common.digits import PreprocessArgs, read, split
from images.workloads.trainer.__main__ import main
from tests.unit.images.workload import NAME, VERSION, Trained

_CONTEXT = Path(__file__).parents[4] / "images"


def _manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def _environ(trained: Trained, model: Path, **more: str) -> dict[str, str]:
    return {"DATA_DIR": str(trained.data), "MODEL_DIR": str(model), **more}


def test_the_model_is_right_on_at_least_97_percent_of_the_held_out_digits(trained: Trained) -> None:
    # Counted here from the files as a predictor gets them, not taken from the trainer's word.
    pipeline: Any = joblib.load(trained.model / "model.joblib")
    samples = json.loads((trained.model / "samples.json").read_text())
    right = np.equal(pipeline.predict(np.array(samples["inputs"])), samples["labels"])
    assert len(right) == 450
    assert right.mean() >= 0.97
    assert right.mean() == pytest.approx(_manifest(trained.model)["metrics"]["accuracy"])


def test_held_out_digits_were_not_trained_on(trained: Trained) -> None:
    digits, _ = read(trained.data)
    samples = json.loads((trained.model / "samples.json").read_text())
    assert digits.test_pixels.tolist() == samples["inputs"]
    assert len(digits.train_pixels) + len(digits.test_pixels) == 1797
    everything = np.concatenate([digits.train_pixels, digits.test_pixels])
    assert (everything.min(), everything.max()) == (0, 16)
    trained_on = {row.tobytes() for row in digits.train_pixels}
    assert not any(row.tobytes() in trained_on for row in digits.test_pixels)
    assert set(digits.test_labels.tolist()) == set(range(10))


def test_the_manifest_of_a_model_is_as_the_contract_says(trained: Trained) -> None:
    manifest = _manifest(trained.model)
    assert manifest["name"] == NAME
    assert manifest["version"] == VERSION
    assert manifest["codeVersion"] == "registry/trainer:1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", manifest["created"])
    assert manifest["dataHash"] == _manifest(trained.data)["dataHash"]
    assert manifest["framework"].startswith("scikit-learn 1.")
    assert 0.97 <= manifest["metrics"]["accuracy"] <= 1
    for name, digest in manifest["files"].items():
        assert sha256((trained.model / name).read_bytes()).hexdigest() == digest


def test_the_manifest_of_data_is_as_the_contract_says(trained: Trained) -> None:
    manifest = _manifest(trained.data)
    assert manifest["rows"] == {"train": 1347, "test": 450}
    assert re.fullmatch(r"[0-9a-f]{64}", manifest["dataHash"])
    assert manifest["codeVersion"] == "registry/trainer:1"


def test_equal_arguments_prepare_equal_data(trained: Trained, tmp_path: Path) -> None:
    assert main(["preprocess"], {"DATA_DIR": str(tmp_path / "same")}) == 0
    assert main(["preprocess", "--seed", "1"], {"DATA_DIR": str(tmp_path / "other")}) == 0
    assert _manifest(tmp_path / "same")["dataHash"] == _manifest(trained.data)["dataHash"]
    assert _manifest(tmp_path / "other")["dataHash"] != _manifest(trained.data)["dataHash"]


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_split_holds_out_the_share_and_every_digit(share: float) -> None:
    digits = split(PreprocessArgs(test_share=share))
    assert len(digits.test_labels) == pytest.approx(1797 * share, abs=1)
    assert set(digits.test_labels.tolist()) == set(digits.train_labels.tolist()) == set(range(10))


def test_other_hyper_parameters_train_another_model(trained: Trained, tmp_path: Path) -> None:
    model = tmp_path / NAME / "v2"
    assert main(["train", "--c", "2", "--gamma", "0.5"], _environ(trained, model)) == 0
    assert _manifest(model)["parameters"] == {"c": 2.0, "gamma": 0.5}
    assert _manifest(model)["files"]["model.joblib"] != _manifest(trained.model)["files"]["model.joblib"]


def test_progress_is_one_json_object_a_line(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / NAME / "v2"
    assert main(["train"], _environ(trained, model)) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["fitting", "fitted", "metrics", "model written", "done"]
    assert events[2]["accuracy"] == _manifest(model)["metrics"]["accuracy"]


def test_a_second_run_changes_nothing(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = tmp_path / "models"
    shutil.copytree(trained.models, models)
    model = models / NAME / VERSION
    before = _manifest(model)
    # Not even its data is needed any more.
    environ = {"DATA_DIR": str(tmp_path / "gone"), "MODEL_DIR": str(model), "MIN_ACCURACY": "1"}
    assert main(["train", "--c", "0.1"], environ) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["model is complete already", "done"]
    assert _manifest(model) == before
    assert events[-1]["metrics"] == before["metrics"]


def test_a_model_below_the_threshold_is_not_written(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / NAME / "v2"
    assert main(["train", "--c", "0.001"], _environ(trained, model)) == 65
    captured = capsys.readouterr()
    assert re.fullmatch(r"trainer: accuracy 0\.\d{4} is below MIN_ACCURACY 0\.97: .*\n", captured.err)
    assert '"event": "metrics"' in captured.out
    assert list(model.parent.iterdir()) == []


def test_the_threshold_is_what_the_environment_says(trained: Trained, tmp_path: Path) -> None:
    model = tmp_path / NAME / "v2"
    assert main(["train"], _environ(trained, model, MIN_ACCURACY="1")) == 65
    assert main(["train"], _environ(trained, model, MIN_ACCURACY="0.5")) == 0


_USAGE = [
    ("preprocess", {"DATA_DIR": None}, "DATA_DIR is not set"),
    ("preprocess", {"DATA_DIR": ""}, "DATA_DIR is not set"),
    ("preprocess", {"DATA_DIR": "/"}, "DATA_DIR is '/': it must be a folder below the root"),
    ("preprocess", {"DATA_DIR": "/data/../etc"}, "without '..'"),
    ("train", {"DATA_DIR": None}, "DATA_DIR is not set"),
    ("train", {"MODEL_DIR": None}, "MODEL_DIR is not set"),
    ("train", {"MODEL_NAME": "letters"}, "MODEL_NAME is 'letters', where MODEL_DIR has 'digits'"),
    ("train", {"MODEL_VERSION": "v9"}, "MODEL_VERSION is 'v9', where MODEL_DIR has 'v2'"),
    ("train", {"MODEL_NAME": ""}, "MODEL_NAME is ''"),
    ("train", {"MODEL_DIR": "/v2"}, "MODEL_NAME is ''"),
    ("train", {"MIN_ACCURACY": "97%"}, "MIN_ACCURACY is '97%': it must be a number from 0 to 1"),
    ("train", {"MIN_ACCURACY": "97"}, "MIN_ACCURACY is '97'"),
    ("train", {"MIN_ACCURACY": "nan"}, "MIN_ACCURACY is 'nan'"),
    ("train", {"MIN_ACCURACY": "-0.1"}, "MIN_ACCURACY is '-0.1'"),
]


@pytest.mark.parametrize(("command", "change", "message"), _USAGE)
def test_a_wrong_environment_is_named(
    command: str,
    change: dict[str, str | None],
    message: str,
    trained: Trained,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environ = {**_environ(trained, tmp_path / NAME / "v2"), **change}
    assert main([command], {key: value for key, value in environ.items() if value is not None}) == 64
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "required"),
        (["serve"], "invalid choice"),
        (["train", "--c", "0"], "0 is not a finite number more than 0"),
        (["train", "--c", "nan"], "nan is not a finite number"),
        (["train", "--c", "much"], "invalid positive value"),
        (["train", "--gamma", "inf"], "inf is not a finite number"),
        (["train", "--gamma", "auto-scale"], "invalid _gamma value"),
        (["preprocess", "--test-share", "1"], "1 is not from 0.01 to 0.99"),
        (["preprocess", "--seed", "-1"], "-1 is not from 0"),
        (["preprocess", "--c", "1"], "unrecognized arguments"),
    ],
)
def test_wrong_arguments_are_named(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv, {})
    assert ended.value.code == 64
    assert message in capsys.readouterr().err


def test_training_without_prepared_data_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"DATA_DIR": str(tmp_path / "data" / "v1"), "MODEL_DIR": str(tmp_path / NAME / "v2")}
    assert main(["train"], environ) == 1
    assert "v1 has no manifest.json: the step that writes this folder is not done" in capsys.readouterr().err


def _flip_a_bit(arrays: Path) -> None:
    content = bytearray(arrays.read_bytes())
    content[len(content) // 2] ^= 1
    arrays.write_bytes(content)


def _empty(arrays: Path) -> None:
    arrays.write_bytes(b"")


def _cut(arrays: Path) -> None:
    arrays.write_bytes(arrays.read_bytes()[:1000])


def _other_array(arrays: Path) -> None:
    np.savez(arrays, allow_pickle=False, pixels=np.zeros(3))


def _other_value(arrays: Path) -> None:
    with arrays.open("rb") as file, np.load(file) as loaded:
        changed = dict(loaded)
    changed["test_labels"][0] += 1
    np.savez(arrays, allow_pickle=False, **changed)


def _pickle(arrays: Path) -> None:
    with arrays.open("wb") as file:
        np.save(file, np.array([Path()], dtype=object), allow_pickle=True)


@pytest.mark.parametrize("damage", [Path.unlink, _empty, _flip_a_bit, _cut, _other_array, _other_value, _pickle])
def test_damaged_data_is_not_trained_on(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(trained.data, data)
    damage(data / "digits.npz")
    environ = {"DATA_DIR": str(data), "MODEL_DIR": str(tmp_path / NAME / "v2")}
    assert main(["train"], environ) == 1
    assert re.search(r"digits\.npz is damaged \(.+\): remove \S+ and preprocess again\n", capsys.readouterr().err)
    assert not (tmp_path / NAME / "v2").exists()


def test_a_file_in_the_way_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["preprocess"], {"DATA_DIR": str(tmp_path / "file" / "v1")}) == 1
    assert re.fullmatch(r"trainer: \S+/file: (Not a directory|File exists)\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("number", "filename", "message"),
    [
        (errno.ENOSPC, None, "/data/v1: No space left on device: free some space"),
        (errno.EDQUOT, None, "/data/v1: Disk quota exceeded: free some space"),
        (errno.EROFS, "/data", "/data: Read-only file system: the volume must be mounted writable for user"),
        (errno.EACCES, "/data", "/data: Permission denied: the volume must be mounted writable for user"),
        (errno.EIO, "/data", "/data: Input/output error"),
    ],
)
def test_an_error_of_the_file_system_says_what_to_do(number: int, filename: str | None, message: str) -> None:
    assert explain(OSError(number, os.strerror(number), filename), "/data/v1").startswith(message)


@pytest.fixture
def small_files() -> Iterator[None]:
    """The kernel refuses to write a file past 64 KiB, as a full disk would in the middle of one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preprocess"], {"DATA_DIR": str(tmp_path / "digits" / "v1")}) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"trainer: \S+/digits/v1: File too large: free some space .*\n", error)
    assert list((tmp_path / "digits").iterdir()) == []


def test_a_stopped_run_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    target, lock = tmp_path / "v1", tmp_path / ".v1.lock"
    environ = {**os.environ, "DATA_DIR": str(target), "PYTHONDONTWRITEBYTECODE": "1"}
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "workloads.trainer", "preprocess"]
        with subprocess.Popen(command, cwd=_CONTEXT, env=environ, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            assert "waiting for another run" in run.stdout.readline()
            run.terminate()
            assert run.wait(timeout=10) == 128 + signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == [lock.name]
