"""`predictor batch`: each row is answered once, a finished shard is kept, and only a whole batch has a manifest."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from images.workloads.predictor.batch.inputs import InputError, read_inputs
from images.workloads.predictor.batch.places import due
from images.workloads.predictor.batch.run import main
from tests.unit.images.workload import NAME, VERSION, Trained

CONTEXT = Path(__file__).parents[4] / "images"
SHARDS = 4


def environ(trained: Trained, output: Path, shard: int, **more: str) -> dict[str, str]:
    return {
        "DATA_DIR": str(trained.data),
        "OUTPUT_DIR": str(output),
        "MODEL_NAME": NAME,
        "MODEL_VERSION": VERSION,
        "MODEL_ROOT": str(trained.models),
        "SHARDS": str(SHARDS),
        "JOB_COMPLETION_INDEX": str(shard),
        "CODE_VERSION": "registry/predictor:1",
        **more,
    }


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def lines(output: Path) -> list[dict[str, Any]]:
    files = sorted(output.glob("shards/*/predictions.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_the_shards_together_answer_each_row_once(trained: Trained, tmp_path: Path) -> None:
    for shard in range(SHARDS):
        assert not (tmp_path / "manifest.json").exists()
        assert main([], environ(trained, tmp_path, shard)) == 0
    samples = json.loads((trained.model / "samples.json").read_text())
    answers = lines(tmp_path)
    assert [(one["file"], one["row"]) for one in answers] == [("digits.npz", row) for row in range(450)]
    right = np.equal([one["prediction"] for one in answers], samples["labels"])
    assert right.mean() >= 0.97
    whole = manifest(tmp_path)
    assert whole["rows"] == sum(whole["predictions"].values()) == 450
    assert (whole["model"], whole["modelVersion"], whole["shards"]) == (NAME, VERSION, SHARDS)
    assert whole["dataHash"] == manifest(trained.data)["dataHash"]


@pytest.mark.proves("batch", "a finished shard is never done twice")
def test_a_finished_shard_needs_no_model_any_more(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], environ(trained, tmp_path, 1)) == 0
    before = (tmp_path / "shards" / "0001-of-0004" / "predictions.jsonl").stat()
    capsys.readouterr()
    assert main([], environ(trained, tmp_path, 1, MODEL_ROOT=str(tmp_path / "gone"))) == 0
    assert "shard is complete already" in capsys.readouterr().out
    assert (tmp_path / "shards" / "0001-of-0004" / "predictions.jsonl").stat() == before


def test_whoever_was_killed_before_the_manifest_writes_it_in_the_next_run(trained: Trained, tmp_path: Path) -> None:
    for shard in range(SHARDS):
        assert main([], environ(trained, tmp_path, shard)) == 0
    before = manifest(tmp_path)
    (tmp_path / "manifest.json").unlink()
    assert main([], environ(trained, tmp_path, 2, MODEL_ROOT=str(tmp_path / "gone"))) == 0
    assert {**manifest(tmp_path), "created": ""} == {**before, "created": ""}


def test_other_data_are_answered_again(tmp_path: Path, trained: Trained) -> None:
    data, output = tmp_path / "data", tmp_path / "output"
    data.mkdir()
    (data / "first.json").write_text(json.dumps({"inputs": [[0] * 64] * 3}))
    np.savez(data / "second.npz", inputs=np.zeros((2, 64)))
    own = {"DATA_DIR": str(data), "SHARDS": "2"}
    for shard in range(2):
        assert main([], environ(trained, output, shard, **own)) == 0
    assert [(one["file"], one["row"]) for one in lines(output)] == [
        *(("first.json", row) for row in range(3)),
        *(("second.npz", row) for row in range(2)),
    ]
    before = manifest(output)
    (data / "first.json").write_text(json.dumps([[1] * 64]))
    assert main([], environ(trained, output, 0, **own)) == 0
    # One shard of the old data is left: the batch is not whole.
    assert not (output / "manifest.json").exists()
    assert main([], environ(trained, output, 1, **own)) == 0
    assert manifest(output)["rows"] == 3
    assert manifest(output)["dataHash"] != before["dataHash"]


def test_a_killed_pod_leaves_no_half_shard(trained: Trained, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workloads.predictor", "batch", "--row-seconds", "0.05"]
    variables = {**os.environ, **environ(trained, tmp_path, 0)}
    with subprocess.Popen(command, cwd=CONTEXT, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while json.loads(process.stdout.readline())["event"] != "progress":
            pass
        process.send_signal(signal.SIGKILL)
    assert not list(tmp_path.glob("shards/*/manifest.json"))
    started = time.monotonic()
    assert main([], environ(trained, tmp_path, 0)) == 0
    assert time.monotonic() - started < 30
    assert [path.name for path in (tmp_path / "shards").iterdir()] == ["0000-of-0004"]


def test_each_scheduled_run_has_a_folder_by_its_time(trained: Trained, tmp_path: Path) -> None:
    more = {"SHARDS": "1", "SCHEDULED_JOB": "nightly-batch-29405980"}
    assert main([], environ(trained, tmp_path, 0, **more)) == 0
    (folder,) = tmp_path.iterdir()
    assert folder.name == "2025-11-28T19-40-00Z"
    assert manifest(folder)["scheduled"] == "2025-11-28T19:40:00Z"
    by_hand = {"SHARDS": "1", "SCHEDULED_JOB": "by-hand"}
    assert main([], environ(trained, tmp_path, 0, **by_hand)) == 0
    assert "scheduled" not in manifest(tmp_path / "by-hand")
    assert due("by-hand") is None


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"OUTPUT_DIR": ""}, 64, "OUTPUT_DIR is not set"),
        ({"OUTPUT_DIR": "s3://bucket"}, 64, "OUTPUT_DIR is 's3://bucket'"),
        ({"MODEL_NAME": ""}, 64, "MODEL_NAME is not set"),
        ({"JOB_COMPLETION_INDEX": "4"}, 64, "a shard is from 0 to 3"),
        ({"SHARDS": "none"}, 64, "SHARDS is 'none'"),
        ({"DATA_DIR": "/nowhere/at/all"}, 65, "has no .json or .npz file"),
        ({"MODEL_VERSION": "v0000000000"}, 1, "the model is not trained yet"),
    ],
)
def test_a_failure_says_why_and_whether_to_try_again(
    trained: Trained,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    code: int,
    message: str,
) -> None:
    assert main([], {**environ(trained, tmp_path, 0), **change}) == code
    assert message in capsys.readouterr().err


def test_a_wrong_argument_is_hopeless(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--nonsense"], environ(trained, tmp_path, 0)) == 64
    assert "--nonsense" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{", "cannot be read"),
        ("a.json", b'{"rows": []}', "it has none of inputs, instances, test_pixels"),
        ("a.json", b"[[1, 2]]", "each must have 64 numbers"),
        ("a.json", json.dumps([[17] * 64]).encode(), "not from 0 to 16"),
        ("a.npz", b"PK", "cannot be read"),
    ],
)
def test_wrong_data_are_refused_by_their_file(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as refused:
        read_inputs(tmp_path)
    assert message in str(refused.value)


@pytest.mark.parametrize("shards", [1, 3, 7, 450, 500])
def test_no_row_is_lost_between_shards(trained: Trained, shards: int) -> None:
    inputs = read_inputs(trained.data)
    found = [
        first + offset
        for number in range(shards)
        for _, first, rows in inputs.shard(number, shards)
        for offset in range(len(rows))
    ]
    assert found == list(range(450))
