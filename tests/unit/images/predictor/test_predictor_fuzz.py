"""Whatever a client sends, it is answered with a prediction or a 4xx that says why."""

import json

from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.unit.images.workload import NAME, VERSION

_PATHS = ("/predict", f"/v1/models/{NAME}:predict", f"/v1/models/{NAME}/versions/{VERSION}:predict")
_KEYS = ("input", "instances")

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
_PIXELS = st.lists(st.floats(0, 16) | st.integers(0, 16), min_size=64, max_size=64)


def _fuzz(examples: int) -> settings:
    # The same examples each time: a failure is then the code's and not the day's.
    return settings(
        derandomize=True,
        deadline=None,
        database=None,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow],
    )


def _assert_answered(response: TestResponse) -> None:
    assert response.status_code == 200 or 400 <= response.status_code < 500
    answer = response.get_json()
    expected = ({"prediction"}, {"predictions"}) if response.status_code == 200 else ({"error"},)
    assert set(answer) in expected
    if response.status_code != 200:
        assert 0 < len(answer["error"]) < 300


def _post(client: FlaskClient, path: str, body: bytes, content_type: str = "application/json") -> TestResponse:
    return client.post(path, data=body, content_type=content_type)


@_fuzz(100)
@given(path=st.sampled_from(_PATHS), body=st.binary(max_size=300))
def test_any_bytes(ready_app: Flask, path: str, body: bytes) -> None:
    response = _post(ready_app.test_client(), path, body)
    _assert_answered(response)
    assert response.status_code == 400


@_fuzz(100)
@given(path=st.sampled_from(_PATHS), key=st.sampled_from(_KEYS), value=_VALUES)
def test_any_json(ready_app: Flask, path: str, key: str, value: object) -> None:
    response = _post(ready_app.test_client(), path, json.dumps({key: value}).encode())
    _assert_answered(response)
    assert response.status_code == 400


@_fuzz(25)
@given(samples=st.lists(_PIXELS, min_size=1, max_size=4), one=st.booleans())
def test_any_good_samples(ready_app: Flask, samples: list[list[float]], one: bool) -> None:
    client = ready_app.test_client()
    response = _post(client, "/predict", json.dumps({"input": samples[0] if one else samples}).encode())
    assert response.status_code == 200
    predictions = [response.get_json()["prediction"]] if one else response.get_json()["prediction"]
    instances = _post(client, _PATHS[1], json.dumps({"instances": samples}).encode()).get_json()["predictions"]
    assert predictions == instances[: len(predictions)]
    assert all(type(digit) is int and 0 <= digit <= 9 for digit in predictions)


@_fuzz(40)
@given(
    samples=st.lists(_PIXELS, min_size=1, max_size=3),
    row=st.integers(0, 2),
    position=st.integers(0, 63),
    value=_VALUES.filter(lambda value: type(value) not in (int, float)) | st.floats(max_value=-0.001) | st.integers(17),
)
def test_one_wrong_value_is_found(
    ready_app: Flask, samples: list[list[object]], row: int, position: int, value: object
) -> None:
    row %= len(samples)
    samples[row][position] = value
    response = _post(ready_app.test_client(), "/predict", json.dumps({"input": samples}).encode())
    _assert_answered(response)
    assert response.status_code == 400
    assert (
        f"sample {row}, value {position} is " in response.get_json()["error"] or "JSON" in response.get_json()["error"]
    )


@_fuzz(100)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"]),
    path=st.text(st.characters(codec="utf-8"), max_size=30).map(lambda text: f"/{text}")
    | st.sampled_from([*_PATHS, "/v1/models/a:b:predict", "/v1/models/x/versions/y", "//predict"]),
    content_type=st.sampled_from(["", "application/json", "text/html", "a/b; charset=\x7f", "multipart/form-data"]),
    body=st.binary(max_size=64),
)
def test_any_request(ready_app: Flask, method: str, path: str, content_type: str, body: bytes) -> None:
    response = ready_app.test_client().open(
        base_url="http://localhost", path=path, method=method, data=body, content_type=content_type
    )
    assert response.status_code < 500
    if response.status_code >= 400:
        assert set(response.get_json()) == {"error"}
