"""Loading a model: waited for, checked, and never served when something is wrong with it."""

import io
import json
import shutil
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import joblib
import pytest
from flask import Flask

from images.workloads.predictor.model import ModelError, load
from images.workloads.predictor.settings import Settings
from tests.unit.images.workload import NAME, VERSION, Trained

_DEADLINE = 20.0  # seconds; the machine may be busy


def _settings(models: Path) -> Settings:
    return Settings(model_name=NAME, model_version=VERSION, model_root=models)


@pytest.fixture
def copy(trained: Trained, tmp_path: Path) -> Trained:
    """The model's folder again, to be damaged."""
    shutil.copytree(trained.models, tmp_path / "models")
    return Trained(data=trained.data, models=tmp_path / "models")


def _edit_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _replace_file(folder: Path, name: str, content: bytes) -> None:
    """Another content, with the digest that belongs to it."""
    (folder / name).write_bytes(content)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    _edit_manifest(folder, files={**files, name: sha256(content).hexdigest()})


def _flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "model.joblib").read_bytes())
    content[1000] ^= 1
    (folder / "model.joblib").write_bytes(content)


class _Half:
    """Answers one prediction, however many samples there are."""

    def predict(self, _samples: object) -> list[int]:
        return [1]


def _dump(value: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(value, buffer)
    return buffer.getvalue()


def test_a_model_says_what_it_is_and_predicts(trained: Trained) -> None:
    model = load(_settings(trained.models))
    samples = json.loads((trained.model / "samples.json").read_text())
    assert (model.name, model.version) == (NAME, VERSION)
    assert model.framework.startswith("scikit-learn ")
    assert 0 < model.load_seconds < _DEADLINE
    predictions = model.predict(samples["inputs"])
    right = sum(map(int.__eq__, predictions, samples["labels"]))
    assert right / len(predictions) == json.loads((trained.model / "manifest.json").read_text())["metrics"]["accuracy"]


_DAMAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("no folder", shutil.rmtree, "is not there: the model is not trained yet"),
    ("no manifest", lambda folder: (folder / "manifest.json").unlink(), "the model is not trained yet"),
    ("no JSON", lambda folder: (folder / "manifest.json").write_text("{"), "is not JSON"),
    ("no object", lambda folder: (folder / "manifest.json").write_text("[]"), "is not a JSON object"),
    ("other name", lambda folder: _edit_manifest(folder, name="letters"), "says name 'letters', not 'digits'"),
    ("other version", lambda folder: _edit_manifest(folder, version="v9"), "says version 'v9', not"),
    ("no digests", lambda folder: _edit_manifest(folder, files=None), "is not the one in manifest"),
    ("other digest", lambda folder: _edit_manifest(folder, files={"model.joblib": "0" * 64}), "is not the one in"),
    ("flipped bit", _flip_a_bit, r"the SHA-256 of \S+model\.joblib is not the one in manifest"),
    ("other samples", lambda folder: (folder / "samples.json").write_text("{}"), r"SHA-256 of \S+samples\.json"),
    ("half answers", lambda folder: _replace_file(folder, "model.joblib", _dump(_Half())), "one prediction a sample"),
]


@pytest.mark.parametrize(("damage", "reason"), [pytest.param(*case[1:], id=case[0]) for case in _DAMAGES])
def test_a_damaged_model_is_refused(copy: Trained, damage: Callable[[Path], object], reason: str) -> None:
    damage(copy.model)
    with pytest.raises(ModelError, match=reason):
        load(_settings(copy.models))


def test_nothing_is_unpickled_before_its_digest_is_checked(copy: Trained, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
            return Path.touch, (tmp_path / "attacked",)

    (copy.model / "model.joblib").write_bytes(_dump(Attack()))
    with pytest.raises(ModelError, match="SHA-256"):
        load(_settings(copy.models))
    assert not (tmp_path / "attacked").exists()


def test_a_model_without_samples_is_warmed_up_too(copy: Trained) -> None:
    (copy.model / "samples.json").unlink()
    assert load(_settings(copy.models)).version == VERSION


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def test_the_server_waits_for_its_model(make_app: Callable[[Path], Flask], trained: Trained, tmp_path: Path) -> None:
    client = make_app(tmp_path / "models").test_client()
    status, predict = f"/v1/models/{NAME}", {"instances": [[0] * 64]}
    _wait_for(lambda: "not trained yet" in client.get("/readyz").get_json()["error"])
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    for path in ("/predict", f"{status}:predict"):
        refused = client.post(path, json=predict)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert "not trained yet" in refused.get_json()["error"]
    (version,) = client.get(status).get_json()["model_version_status"]
    assert (version["state"], version["status"]["error_code"]) == ("LOADING", "UNAVAILABLE")
    assert "\npredictor_ready 0.0\n" in client.get("/metrics").get_data(as_text=True)
    assert "predictor_model_info{" not in client.get("/metrics").get_data(as_text=True)

    shutil.copytree(trained.models, tmp_path / "draft")
    (tmp_path / "draft").rename(tmp_path / "models")
    _wait_for(lambda: client.get("/readyz").status_code == 200)
    assert client.get("/readyz").get_json() == {"status": "ready", "model": NAME, "version": VERSION}
    assert len(client.post(f"{status}:predict", json=predict).get_json()["predictions"]) == 1
    (version,) = client.get(status).get_json()["model_version_status"]
    assert version == {"version": VERSION, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


def test_a_model_that_cannot_be_read_leaves_the_server_alive(make_app: Callable[[Path], Flask], copy: Trained) -> None:
    _replace_file(copy.model, "model.joblib", b"no pickle at all")
    client = make_app(copy.models).test_client()
    _wait_for(lambda: "being loaded" not in client.get("/readyz").get_json()["error"])
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
