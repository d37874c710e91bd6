"""The predictor's HTTP interface, with the trained model behind it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from images.workloads.predictor.samples import MAX_BODY_BYTES
from tests.unit.images.workload import NAME, VERSION, Trained

_ZEROS = [0] * 64
_MODEL = f"/v1/models/{NAME}"
_VERSION = f"{_MODEL}/versions/{VERSION}"


@pytest.fixture(scope="session")
def held_out(trained: Trained) -> tuple[list[list[int]], list[int]]:
    samples = json.loads((trained.model / "samples.json").read_text())
    return samples["inputs"], samples["labels"]


@pytest.fixture
def draining(ready_app: Flask) -> Iterator[Path]:
    """The file that a pod's preStop hook makes."""
    path: Path = ready_app.config["DRAIN_FILE"]
    path.touch()
    yield path
    path.unlink()


def _metrics(client: FlaskClient) -> dict[str, float]:
    """Value of each sample, under its name and sorted labels."""
    families = text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in families
        for sample in family.samples
    }


def test_one_sample_is_answered_with_one_prediction(
    client: FlaskClient, held_out: tuple[list[list[int]], list[int]]
) -> None:
    inputs, labels = held_out
    answers = [client.post("/predict", json={"input": pixels}).get_json() for pixels in inputs[:20]]
    assert [set(answer) for answer in answers] == [{"prediction"}] * 20
    assert all(type(answer["prediction"]) is int for answer in answers)
    assert sum(answer["prediction"] == label for answer, label in zip(answers, labels, strict=False)) >= 19


@pytest.mark.parametrize(
    ("path", "asked", "answered"),
    [
        ("/predict", "input", "prediction"),
        (f"{_MODEL}:predict", "instances", "predictions"),
        (f"{_VERSION}:predict", "instances", "predictions"),
    ],
)
def test_the_held_out_digits_are_recognised_over_http(
    client: FlaskClient, held_out: tuple[list[list[int]], list[int]], path: str, asked: str, answered: str
) -> None:
    inputs, labels = held_out
    response = client.post(path, json={asked: inputs})
    assert (response.status_code, response.mimetype) == (200, "application/json")
    predictions = response.get_json()[answered]
    assert len(predictions) == len(labels)
    assert sum(map(int.__eq__, predictions, labels)) / len(labels) >= 0.97


def test_a_list_of_one_sample_is_answered_with_a_list(client: FlaskClient) -> None:
    assert isinstance(client.post("/predict", json={"input": [_ZEROS]}).get_json()["prediction"], list)


@pytest.mark.parametrize("path", [_MODEL, _VERSION])
def test_the_status_has_tensorflow_servings_form(client: FlaskClient, path: str) -> None:
    status = {"error_code": "OK", "error_message": ""}
    version = {"version": VERSION, "state": "AVAILABLE", "status": status}
    assert client.get(path).get_json() == {"model_version_status": [version]}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/models/letters", f"no model letters: this server has {NAME}, version {VERSION}"),
        (f"{_MODEL}/versions/v9", f"no model {NAME}, version v9"),
        ("/v1/models/letters:predict", "no model letters"),
        (f"{_MODEL}/versions/v9:predict", f"no model {NAME}, version v9"),
        ("/v1/models/%F0%9F%92%A5", "no model"),
        ("/v1/models/a%00b:predict", "no model"),
        ("/", "Not Found: "),
        ("/predict/", "Not Found: "),
        ("/v1/models", "Not Found: "),
        ("/v1/models/..%2f..%2fetc/passwd", "Not Found: "),
    ],
)
def test_what_is_not_there_is_404(client: FlaskClient, path: str, message: str) -> None:
    ask = client.post if path.endswith(":predict") else client.get
    response = ask(path, json={"instances": [_ZEROS]})
    assert response.status_code == 404
    assert message in response.get_json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", "POST"),
        ("PUT", "/predict", "POST"),
        ("DELETE", _MODEL, "GET"),
        ("POST", "/healthz", "GET"),
        ("POST", "/metrics", "GET"),
        ("PATCH", f"{_VERSION}:predict", "POST"),
    ],
)
def test_a_wrong_method_is_405_and_says_which_are_right(
    client: FlaskClient, method: str, path: str, allowed: str
) -> None:
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert allowed in response.headers["Allow"]
    assert response.mimetype == "application/json"
    assert response.get_json()["error"].startswith("Method Not Allowed")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/x-www-form-urlencoded",
    ],
)
def test_these_content_types_are_read_as_json(client: FlaskClient, content_type: str | None) -> None:
    response = client.post("/predict", data=json.dumps({"input": _ZEROS}), content_type=content_type)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Content-Type": "text/plain"}, "Content-Type is text/plain: it must be application/json"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "Content-Type is multipart/form-data"),
        ({"Content-Type": "application/octet-stream"}, "it must be application/json"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "must not be compressed"),
    ],
)
def test_another_content_type_is_415(client: FlaskClient, headers: dict[str, str], message: str) -> None:
    response = client.post("/predict", data=json.dumps({"input": _ZEROS}), headers=headers)
    assert response.status_code == 415
    assert message in response.get_json()["error"]


def test_a_bad_body_is_400_on_each_route(client: FlaskClient) -> None:
    for path in ("/predict", f"{_MODEL}:predict", f"{_VERSION}:predict"):
        response = client.post(path, data=b"[" * 100_000, content_type="application/json")
        assert (response.status_code, response.get_json()) == (400, {"error": "the body is nested too deeply"})


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413), (10_000_000, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_413(client: FlaskClient, size: int, status: int, chunked: bool) -> None:
    # Blanks after the object: cut anywhere behind it, this body would still be good JSON.
    body = json.dumps({"input": _ZEROS}).encode().ljust(size)
    # This is how gunicorn shows a body without a length.
    environ: dict[str, Any] = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True} if chunked else {}
    response = client.post("/predict", data=body, content_type="application/json", environ_overrides=environ)
    assert response.status_code == status
    if status == 413:
        assert response.get_json()["error"] == f"the body is too large: at most {MAX_BODY_BYTES} bytes"


def test_while_draining_it_predicts_but_is_not_ready(client: FlaskClient, draining: Path) -> None:
    assert draining.exists()
    response = client.get("/readyz")
    assert (response.status_code, response.get_json()) == (503, {"error": "draining"})
    assert client.get("/healthz").status_code == 200
    assert client.post("/predict", json={"input": _ZEROS}).status_code == 200
    assert _metrics(client)["predictor_ready[]"] == 0


def test_metrics_count_what_was_asked(client: FlaskClient) -> None:
    before = _metrics(client)
    client.post("/predict", json={"input": [_ZEROS] * 5})
    client.post("/predict", json={"input": []})
    client.post(f"{_MODEL}:predict", json={"instances": [_ZEROS]})
    client.get("/somewhere")
    client.open("/predict", method="BREW")
    after = _metrics(client)

    def added(series: str) -> float:
        return after.get(series, 0) - before.get(series, 0)

    def requests(route: str, method: str, status: str) -> float:
        return added(f"predictor_requests_total{[('method', method), ('route', route), ('status', status)]}")

    assert requests("/predict", "POST", "200") == 1
    assert requests("/predict", "POST", "400") == 1
    assert requests("/v1/models/<name>:predict", "POST", "200") == 1
    assert requests("unmatched", "GET", "404") == 1
    assert requests("unmatched", "other", "405") == 1
    assert added("predictor_samples_total[]") == 6
    assert added("predictor_request_duration_seconds_count[('route', '/predict')]") == 2
    # The scrape itself is the one in flight.
    assert after["predictor_requests_in_flight[]"] == before["predictor_requests_in_flight[]"] == 1


def test_metrics_show_the_model(client: FlaskClient, trained: Trained) -> None:
    metrics = _metrics(client)
    framework = json.loads((trained.model / "manifest.json").read_text())["framework"]
    assert metrics[f"predictor_model_info{[('framework', framework), ('name', NAME), ('version', VERSION)]}"] == 1
    assert metrics["predictor_ready[]"] == 1
    assert 0 < metrics["predictor_model_load_seconds[]"] < 60
    assert metrics["process_resident_memory_bytes[]"] > 1e6


def test_metrics_are_a_histogram_that_an_objective_can_be_read_from(client: FlaskClient) -> None:
    client.post("/predict", json={"input": _ZEROS})
    families = text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))
    (family,) = [family for family in families if family.name == "predictor_request_duration_seconds"]
    assert family.type == "histogram"
    buckets = [s for s in family.samples if s.name.endswith("_bucket") and s.labels["route"] == "/predict"]
    bounds = [float(sample.labels["le"]) for sample in buckets]
    counts = [sample.value for sample in buckets]
    assert {0.005, 0.05, 0.1, 0.25, float("inf")} <= set(bounds)
    assert (bounds, counts) == (sorted(bounds), sorted(counts))


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain"),
        ("text/plain", "text/plain"),
        ("application/openmetrics-text", "application/openmetrics-text"),
    ],
)
def test_metrics_come_in_the_format_that_is_asked_for(client: FlaskClient, accept: str, content_type: str) -> None:
    assert client.get("/metrics", headers={"Accept": accept}).mimetype == content_type


def test_an_error_of_ours_is_a_json_500_and_is_logged(
    ready_app: Flask, client: FlaskClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def predict(self, _samples: object) -> object:
            raise RuntimeError("the model broke")

    model = ready_app.extensions["model_holder"].model
    monkeypatch.setitem(vars(model), "pipeline", Broken())
    response = client.post("/predict", json={"input": _ZEROS})
    assert (response.status_code, response.mimetype) == (500, "application/json")
    assert "the model broke" not in response.get_data(as_text=True)
    assert json.loads(capsys.readouterr().out)["error"] == "the model broke"
