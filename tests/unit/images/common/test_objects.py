"""Models in buckets: the trainer writes them, the predictor reads them, over HTTP from a local S3 server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from images.workloads.common import objects
from images.workloads.common.buckets import ObjectFolder
from images.workloads.common.command import EXIT_FAILED, EXIT_USAGE
from images.workloads.common.folder import MANIFEST, FolderError
from images.workloads.predictor import objects as predictor_objects
from images.workloads.predictor.model import ModelError, load
from images.workloads.predictor.settings import Settings, SettingsError, from_environ
from images.workloads.trainer.__main__ import main
from tests.unit.images.workload import NAME, VERSION

BUCKET = "team-demo"
DATA, MODELS = f"s3://{BUCKET}/datasets/digits/v1", f"s3://{BUCKET}/models"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an S3 server."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture(autouse=True)
def store(server: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """The bucket, empty; and the variables by which programs find it."""
    import urllib.request

    for key, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(key, value)
    for method, url in (("POST", f"{server}/moto-api/reset"), ("PUT", f"{server}/{BUCKET}")):
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30):  # noqa: S310
            pass
    return S3Store(BUCKET, client_options={"allow_http": True})


def keys(store: S3Store) -> set[str]:
    return {found["path"] for batch in store.list() for found in batch}


def environ(**more: str) -> dict[str, str]:
    return {"DATA_DIR": DATA, "MODEL_DIR": f"{MODELS}/{NAME}/{VERSION}", **more}


def settings(**more: str) -> Settings:
    return from_environ({"MODEL_NAME": NAME, "MODEL_VERSION": VERSION, "MODEL_ROOT": MODELS, **more})


def fill(**files: str) -> Any:
    """A function that writes these files, and the manifest."""

    def write(folder: Path) -> None:
        for name, content in {**files, MANIFEST: "{}"}.items():
            (folder / name).write_text(content)

    return write


FOLDER = ObjectFolder.parse(f"s3://{BUCKET}/models/digits/v1")


def test_a_model_goes_through_a_bucket_from_the_trainer_to_the_predictor(
    store: S3Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preprocess"], environ()) == 0
    assert main(["train"], environ()) == 0
    assert {f"models/{NAME}/{VERSION}/{name}" for name in ("manifest.json", "model.joblib", "samples.json")} <= keys(
        store
    )
    assert load(settings()).version == VERSION
    # The second run finds both complete.
    before = {found["path"]: found["last_modified"] for batch in store.list() for found in batch}
    assert (main(["preprocess"], environ()), main(["train"], environ())) == (0, 0)
    assert before == {found["path"]: found["last_modified"] for batch in store.list() for found in batch}
    assert "model is complete already" in capsys.readouterr().out


def test_the_manifest_comes_last(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    put = objects._put_manifest  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(objects, "_put_manifest", lambda *args: (seen.append(keys(store)), put(*args))[1])
    assert objects.publish(FOLDER, fill(a="1", b="2"))
    assert seen == [{"models/digits/v1/a", "models/digits/v1/b"}]
    assert f"models/digits/v1/{MANIFEST}" in keys(store)


def test_what_a_killed_run_left_is_overwritten(store: S3Store) -> None:
    store.put("models/digits/v1/a", b"half")
    assert objects.publish(FOLDER, fill(a="whole"))
    assert bytes(store.get("models/digits/v1/a").bytes()) == b"whole"


def test_of_two_runs_the_first_to_finish_wins(store: S3Store) -> None:
    def slower(folder: Path) -> None:
        fill(a="slower")(folder)
        assert objects.publish(FOLDER, fill(a="quicker"))

    assert not objects.publish(FOLDER, slower)
    assert bytes(store.get("models/digits/v1/a").bytes()) == b"quicker"


def test_a_manifest_is_never_replaced(store: S3Store) -> None:
    put = objects._put_manifest  # pyright: ignore[reportPrivateUsage]
    assert [put(store, content) for content in (b"first", b"second")] == [True, False]
    assert bytes(store.get(MANIFEST).bytes()) == b"first"


def test_a_folder_that_is_not_complete_cannot_be_read(store: S3Store) -> None:
    store.put("models/digits/v1/a", b"1")
    with (
        pytest.raises(FolderError, match=r"s3://team-demo/models/digits/v1 has no manifest\.json"),
        objects.copied(FOLDER),
    ):
        pass


def test_a_copy_has_all_files_and_goes_when_it_was_read(store: S3Store) -> None:
    objects.publish(FOLDER, fill(a="1"))
    store.put("models/digits/v1/deep/b", b"2")
    with objects.copied(FOLDER) as copy:
        assert {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()} == {
            "a",
            "deep/b",
            MANIFEST,
        }
    assert not copy.exists()


def test_a_server_without_the_model_says_so() -> None:
    with pytest.raises(ModelError, match=f"{MODELS}/{NAME}/{VERSION}/manifest.json is not there"):
        load(settings())


@pytest.mark.parametrize("uri", ["s3:/models", "s3://", "s3://bucket/../other", "s3://bucket/a?b=c"])
def test_what_is_no_uri(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preprocess"], {"DATA_DIR": uri}) == EXIT_USAGE
    assert "DATA_DIR is" in capsys.readouterr().err
    with pytest.raises(SettingsError, match="MODEL_ROOT is"):
        settings(MODEL_ROOT=uri)


def test_a_bucket_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preprocess"], {"DATA_DIR": "s3://nobodys-bucket/data"}) == EXIT_FAILED
    assert "trainer: s3://nobodys-bucket/data: " in capsys.readouterr().err


def test_the_predictor_prints_an_object(store: S3Store, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    store.put("models/samples.json", b"[1]")
    assert predictor_objects.main(f"{MODELS}/samples.json") == 0
    assert predictor_objects.main(f"{MODELS}/nothing.json") == 1
    output = capfdbinary.readouterr()
    assert output.out == b"[1]"
    assert b"not there" in output.err


def test_a_run_on_volumes_loads_no_client() -> None:
    code = "import sys, workloads.trainer.__main__; print([name for name in sys.modules if name.startswith('obstore')])"
    context = Path(objects.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=context, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
