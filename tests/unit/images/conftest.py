"""A really trained model, once a session, and predictors that serve it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from images.workloads.predictor.app import create_app
from images.workloads.predictor.settings import Settings
from images.workloads.trainer.__main__ import main
from tests.unit.images.workload import NAME, VERSION, Trained


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    root = tmp_path_factory.mktemp("trained")
    folders = Trained(data=root / "data" / "digits" / "v1", models=root / "models")
    environ = {
        "DATA_DIR": str(folders.data),
        "MODEL_DIR": str(folders.model),
        "CODE_VERSION": "registry/trainer:1",
    }
    assert main(["preprocess"], environ) == 0
    assert main(["train"], environ) == 0
    return folders


@pytest.fixture(scope="session")
def make_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Flask]]:
    """Makes applications that look for the model below a folder, and ends their threads."""
    drain_files = tmp_path_factory.mktemp("drain")
    apps: list[Flask] = []

    def make(models: Path) -> Flask:
        settings = Settings(
            model_name=NAME,
            model_version=VERSION,
            model_root=models,
            retry_seconds=0.02,
            drain_file=drain_files / str(len(apps)),
        )
        app = create_app(settings)
        app.config["DRAIN_FILE"] = settings.drain_file
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.extensions["model_holder"].stop()


@pytest.fixture(scope="session")
def ready_app(make_app: Callable[[Path], Flask], trained: Trained) -> Flask:
    app = make_app(trained.models)
    app.extensions["model_holder"].join(timeout=30)
    assert app.test_client().get("/readyz").status_code == 200
    return app


@pytest.fixture
def client(ready_app: Flask) -> FlaskClient:
    return ready_app.test_client()
