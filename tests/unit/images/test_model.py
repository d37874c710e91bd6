"""The model folder of a trainer: what another server needs lies beside what the sample predictor needs."""

import json
from hashlib import sha256
from pathlib import Path

import joblib
import pytest
from sklearn.pipeline import Pipeline

from images.workloads.common import model
from images.workloads.common.model import Data, Identity, Run
from tests.unit.images.workload import NAME, VERSION, Trained


@pytest.fixture
def pipeline(trained: Trained) -> Pipeline:
    return joblib.load(trained.model / model.MODEL)


def _run(trained: Trained, target: Path) -> Run:
    identity = Identity(name=NAME, version=VERSION, code_version="1")
    return Run(data=trained.data, model=target, checkpoints=None, identity=identity, min_accuracy=0.97)


def test_another_form_of_the_model_is_in_the_folder_and_in_the_manifest(
    trained: Trained, pipeline: Pipeline, tmp_path: Path
) -> None:
    def export(exported: Pipeline, draft: Path) -> None:
        assert exported is pipeline
        (draft / "own" / "1").mkdir(parents=True)
        (draft / "own" / "1" / "graph").write_bytes(b"abc")

    target = tmp_path / NAME / VERSION
    manifest = model.publish(_run(trained, target), lambda _: pipeline, framework="own", parameters={}, export=export)
    assert manifest == json.loads((target / "manifest.json").read_text())
    assert set(manifest["files"]) == {"model.joblib", "samples.json", "own/1/graph"}
    for name, digest in manifest["files"].items():
        assert sha256((target / name).read_bytes()).hexdigest() == digest


def test_a_helper_trains_and_writes_nothing(trained: Trained, tmp_path: Path) -> None:
    seen: list[Data] = []
    target = tmp_path / NAME / VERSION
    assert model.help_publish(_run(trained, target), seen.append) is None
    assert len(seen) == 1
    assert not target.exists()


def test_a_helper_of_a_model_that_is_there_does_nothing(trained: Trained) -> None:
    seen: list[Data] = []
    manifest = model.help_publish(_run(trained, trained.model), seen.append)
    assert manifest is not None
    assert manifest["version"] == VERSION
    assert not seen
