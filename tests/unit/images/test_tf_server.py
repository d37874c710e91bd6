"""The stand-in for TensorFlow Serving: batches and metrics, and its protocols where TensorFlow can be imported."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.serving.engines import TENSORFLOW
from images.workloads.tf_server.batching import Batcher, Batching
from images.workloads.tf_server.metrics import BOUNDS, LATENCY, REQUESTS, Metrics
from tests.engines.requests import ask
from tests.unit.images.processes import IMAGES, Process, free_port, started

ROOT = Path(__file__).parents[3]
MODEL, LABEL, NUMBER = "digits", "v00000000ff", 255
needs_tensorflow = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("tensorflow", "tensorflow_serving")),
    reason="TensorFlow and the protos of TensorFlow Serving are in the image tf-server, not on this machine",
)


class Model:
    """Doubles numbers, notes the rows of each call, and refuses what is negative."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.may_go = threading.Event()

    def __call__(self, inputs: Any) -> Any:
        self.may_go.wait(5)
        (rows,) = inputs["x"].shape
        self.calls.append(rows)
        if (inputs["x"] < 0).any():
            raise ValueError("negative")
        return {"y": 2 * inputs["x"]}


def answers(batcher: Batcher, model: Model, requests: list[list[int]]) -> list[Any]:
    """What each request gets, all sent before the model answers the first."""

    def one(numbers: list[int]) -> Any:
        try:
            return batcher({"x": np.array(numbers)})["y"].tolist()
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(len(requests)) as pool:
        futures = [pool.submit(one, numbers) for numbers in requests]
        threading.Timer(0.3, model.may_go.set).start()
        return [future.result(10) for future in futures]


@pytest.mark.parametrize("size", [2, 8, 32])
def test_requests_are_answered_together_and_each_gets_its_own(size: int) -> None:
    model = Model()
    batcher = Batcher(model, Batching(size=size, seconds=0.05))
    requests = [[number] for number in range(16)]
    assert answers(batcher, model, requests) == [[2 * number] for number in range(16)]
    assert max(model.calls) <= size
    assert len(model.calls) < 16, "at least some of them together"


def test_requests_of_several_rows_are_never_torn_apart() -> None:
    model = Model()
    batcher = Batcher(model, Batching(size=4, seconds=0.05))
    requests = [[1, 2, 3], [4, 5], [6], [7, 8, 9, 10, 11]]
    assert answers(batcher, model, requests) == [[2 * number for number in numbers] for numbers in requests]
    # The one that is larger than a batch is computed alone.
    assert sorted(model.calls)[-1] == 5


def test_a_wrong_request_does_not_spoil_the_others() -> None:
    model = Model()
    batcher = Batcher(model, Batching(size=8, seconds=0.2))
    assert answers(batcher, model, [[1], [-1], [2]]) == [[2], "negative", [4]]


def test_requests_of_other_shapes_are_not_joined() -> None:
    seen: list[tuple[int, ...]] = []

    def model(inputs: Any) -> Any:
        seen.append(inputs["x"].shape)
        return {"y": inputs["x"].sum(axis=1)}

    batcher = Batcher(model, Batching(size=8, seconds=0.1))
    with ThreadPoolExecutor(2) as pool:
        wide = pool.submit(batcher, {"x": np.ones((1, 3))})
        narrow = pool.submit(batcher, {"x": np.ones((1, 2))})
        assert (wide.result(5)["y"].tolist(), narrow.result(5)["y"].tolist()) == ([3.0], [2.0])
    assert sorted(seen) == [(1, 2), (1, 3)]


def test_its_metrics_are_those_that_the_platform_reads() -> None:
    metrics = Metrics([MODEL])
    metrics.observe(MODEL, "OK", entrypoint="REST", seconds=0.25)
    metrics.observe(MODEL, "INVALID_ARGUMENT", entrypoint="GRPC", seconds=0.1)
    metrics.observe("made up", "NOT_FOUND", entrypoint="REST", seconds=0.1)
    assert (TENSORFLOW.requests, TENSORFLOW.latency) == (REQUESTS, LATENCY)
    assert pytest.approx([bound / TENSORFLOW.unit for bound in BOUNDS]) == TENSORFLOW.bounds
    lines = metrics.expose().decode().splitlines()
    assert f'{REQUESTS}{{model_name="digits",status="OK"}} 1.0' in lines
    assert f'{REQUESTS}{{model_name="digits",status="INVALID_ARGUMENT"}} 1.0' in lines
    assert not any("made up" in line for line in lines), "clients must not make series"
    buckets = {line.split('le="')[1].split('"')[0]: line.split()[-1] for line in lines if f"{LATENCY}_bucket" in line}
    # As Prometheus keeps the label, it is the one that the objectives ask for.
    kept = {repr(float(bound)): count for bound, count in buckets.items() if bound != "+Inf"}
    assert kept[TENSORFLOW.bound(0.25)] == "0.0"
    assert kept[TENSORFLOW.bound(0.5)] == "1.0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server of a small model: the address of its gRPC port, and the URL of its REST port."""
    tf: Any = importlib.import_module("tensorflow")
    folder = tmp_path_factory.mktemp("serving")

    class Digits(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 64], tf.float32, name="pixels")])
        def predict(self, pixels: Any) -> dict[str, Any]:
            return {"digit": tf.argmax(pixels[:, :10], axis=1)}

    model = Digits()
    tf.saved_model.save(model, str(folder / MODEL / str(NUMBER)), signatures=model.predict)
    (folder / "models.config").write_text(
        f'model_config_list {{ config {{ name: "{MODEL}" base_path: "{folder / MODEL}" model_platform: "tensorflow" '
        f"model_version_policy {{ specific {{ versions: {NUMBER} }} }} "
        f'version_labels {{ key: "{LABEL}" value: {NUMBER} }} }} }}'
    )
    (folder / "batching.config").write_text("max_batch_size { value: 32 }\nbatch_timeout_micros { value: 5000 }\n")
    grpc_port, rest_port = free_port(), free_port()
    argv = [
        f"--port={grpc_port}",
        f"--rest_api_port={rest_port}",
        f"--model_config_file={folder / 'models.config'}",
        "--enable_batching=true",
        f"--batching_parameters_file={folder / 'batching.config'}",
    ]
    with started("workloads.tf_server", argv, [{}], folder / "logs") as (process,):

        def is_serving(running: Process) -> bool:
            return bool(running.events("serving"))

        process.wait_for(is_serving, 300)
        yield f"127.0.0.1:{grpc_port}", f"http://127.0.0.1:{rest_port}/v1/models/{MODEL}"


def picture(digit: int) -> list[float]:
    return [float(pixel == digit) for pixel in range(64)]


@needs_tensorflow
def test_rest(server: tuple[str, str]) -> None:
    _, url = server
    url, rows = server[1], [picture(digit) for digit in (3, 1, 4)]
    for place in ("", f"/versions/{NUMBER}", f"/labels/{LABEL}"):
        assert ask(f"{url}{place}:predict", method="POST", body={"instances": rows}) == (
            200,
            {"predictions": [3, 1, 4]},
        )
        assert ask(f"{url}{place}:predict", method="POST", body={"inputs": rows}) == (200, {"outputs": [3, 1, 4]})
        named = [{"pixels": row} for row in rows]
        assert ask(f"{url}{place}:predict", method="POST", body={"instances": named})[1] == {"predictions": [3, 1, 4]}
        assert ask(f"{url}{place}")[1]["model_version_status"][0]["version"] == str(NUMBER)
        assert ask(f"{url}{place}/metadata")[1]["model_spec"]["version"] == str(NUMBER)


@needs_tensorflow
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (":predict", b"", 400),
        (":predict", b"[]", 400),
        (":predict", {"instances": [], "inputs": []}, 400),
        (":predict", {"instances": []}, 400),
        (":predict", {"instances": {}}, 400),
        (":predict", {"instances": [[1.0]]}, 400),
        (":predict", {"instances": [[1.0], [1.0, 2.0]]}, 400),
        (":predict", {"instances": [{"pixels": picture(1)}, {"images": picture(1)}]}, 400),
        (":predict", {"inputs": {}}, 400),
        (":predict", {"instances": [picture(1)], "signature_name": "nobody"}, 400),
        ("/versions/1:predict", {"instances": [picture(1)]}, 404),
        ("/labels/nobody:predict", {"instances": [picture(1)]}, 404),
        ("x:predict", {"instances": [picture(1)]}, 404),
    ],
)
def test_bad_input_gets_a_clear_4xx(server: tuple[str, str], path: str, body: object, status: int) -> None:
    found, answer = ask(f"{server[1]}{path}", method="POST", body=body)
    assert found == status
    assert answer["error"]


@needs_tensorflow
def test_grpc_with_the_official_client(server: tuple[str, str]) -> None:
    asked = {"address": server[0], "model": MODEL, "label": LABEL, "inputs": [picture(digit) for digit in range(10)]}
    client = ROOT / "tests" / "engines" / "tensorflow_client.py"
    done = subprocess.run(
        [sys.executable, str(client), json.dumps(asked)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["digits"] == list(range(10))
    assert (answer["version"], answer["by_label"], answer["input_shape"]) == (NUMBER, [0], [-1, 64])
    assert set(answer["codes"].values()) == {"NOT_FOUND", "INVALID_ARGUMENT"}


@needs_tensorflow
@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["--nonsense"], 64, "nonsense"),
        ([], 64, "--model_base_path"),
        (["--model_config_file=/nowhere"], 64, "/nowhere"),
        (["--model_base_path=/m", "--enable_batching=maybe"], 64, "maybe"),
    ],
)
def test_a_wrong_command_line_is_told(argv: list[str], code: int, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workloads.tf_server", *argv],
        cwd=IMAGES,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == code
    assert told in done.stderr
