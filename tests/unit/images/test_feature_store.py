"""The feature store: what it keeps, which replica keeps it, and that a backup brings all of it back."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import BaseWSGIServer, make_server

from images.workloads.feature_store.__main__ import main
from images.workloads.feature_store.app import MAX_NAME, create_app, owner_of
from images.workloads.feature_store.settings import Settings, SettingsError, from_environ
from tests.unit.images.processes import free_port

ENTITIES = {f"user-{number}": {"visits": number, "name": f"user {number}", "v": [0.5, number]} for number in range(60)}


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_app(Settings(data=tmp_path, drain_file=tmp_path / "draining")).test_client()


def test_what_is_written_is_read_until_it_is_deleted(client: FlaskClient) -> None:
    assert client.get("/v1/features/ada").status_code == 404
    assert client.put("/v1/features/ada", json={"visits": 1}).status_code == 200
    assert client.put("/v1/features/ada", json={"visits": 2, "city": None}).status_code == 200
    assert client.get("/v1/features/ada").json == {"entity": "ada", "features": {"visits": 2, "city": None}}
    assert client.delete("/v1/features/ada").status_code == 200
    assert client.delete("/v1/features/ada").status_code == 404
    assert client.get("/v1/features/ada").status_code == 404


@pytest.mark.parametrize(
    ("entity", "body", "told"),
    [
        ("ada", b"", "not JSON"),
        ("ada", b"{", "not JSON"),
        ("ada", b"[]", "not an object"),
        ("ada", b'{"a": NaN}', "NaN"),
        ("ada", b'{"a": {"b": 1}}', "'a'"),
        ("ada", b'{"a": ["b"]}', "'a'"),
        ("ada", b'{"a": [true]}', "'a'"),
        ("a" * (MAX_NAME + 1), b"{}", str(MAX_NAME)),
    ],
)
def test_bad_input_gets_a_clear_400(client: FlaskClient, entity: str, body: bytes, told: str) -> None:
    answer = client.put(f"/v1/features/{entity}", data=body)
    assert answer.status_code == 400
    assert answer.json is not None
    assert told in answer.json["error"]


@pytest.mark.parametrize("line", [b"{}", b"[]", b"1", b'{"entity": 1, "features": {}}', b'{"entity": "a"}', b"{"])
def test_an_import_is_written_whole_or_not_at_all(client: FlaskClient, line: bytes) -> None:
    sound = b'{"entity": "ada", "features": {}}\n'
    assert client.post("/v1/import", data=sound + line).status_code == 400
    assert client.get("/v1/features/ada").status_code == 404


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/v1/features/a", 405)])
def test_errors_of_the_framework_are_json(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert answer.json is not None
    assert path in answer.json["error"]


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    assert client.put("/v1/features/a", data=b"x" * (9 * 1024 * 1024)).status_code == 413


def test_it_is_not_ready_while_it_drains(client: FlaskClient, tmp_path: Path) -> None:
    assert client.get("/readyz").status_code == 200
    (tmp_path / "draining").touch()
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_it_counts_its_requests(client: FlaskClient) -> None:
    client.put("/v1/features/ada", json={"visits": 1})
    text = client.get("/metrics").text
    assert 'server_requests_total{method="PUT",route="/v1/features/<entity>",status="200"} 1.0' in text
    assert "server_request_duration_seconds_bucket" in text
    assert "feature_store_entities 1.0" in text


def test_data_outlives_the_process(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    create_app(settings).test_client().put("/v1/features/ada", json={"visits": 1})
    again = create_app(settings).test_client().get("/v1/features/ada").json
    assert again == {"entity": "ada", "features": {"visits": 1}}


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "DATA_DIR is not set"),
        ({"DATA_DIR": "data"}, "absolute"),
        ({"DATA_DIR": "/data", "PORT": "x"}, "PORT"),
        ({"DATA_DIR": "/data", "PEERS": "http://a,http://b", "REPLICA": "features-2"}, "REPLICA"),
        ({"DATA_DIR": "/data", "REPLICA": "features"}, "REPLICA"),
    ],
)
def test_a_wrong_environment_is_told(environ: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        from_environ(environ)


def test_a_replica_knows_its_number_from_its_pods_name() -> None:
    settings = from_environ({"DATA_DIR": "/data", "PEERS": "http://a,http://b,http://c", "REPLICA": "features-2"})
    assert (settings.replica, settings.peers) == (2, ("http://a", "http://b", "http://c"))


class Replicas:
    """Feature stores on the loopback that know each other, each with a folder of its own."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        ports = [free_port() for _ in range(count)]
        self.peers = tuple(f"http://127.0.0.1:{port}" for port in ports)
        self.apps = [
            create_app(Settings(data=self._volume(number), peers=self.peers, replica=number)) for number in range(count)
        ]
        self._servers: list[BaseWSGIServer] = [
            make_server("127.0.0.1", port, app, threaded=True) for port, app in zip(ports, self.apps, strict=True)
        ]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def _volume(self, number: int) -> Path:
        volume = self.folder / f"data-{number}"
        volume.mkdir(parents=True)
        return volume

    def client(self, number: int = 0) -> FlaskClient:
        return self.apps[number].test_client()

    def stop(self, number: int) -> None:
        self._servers[number].shutdown()
        self._servers[number].server_close()

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(tmp_path / "first", 3)
    yield made
    made.close()


def fill(replicas: Replicas) -> None:
    for entity, features in ENTITIES.items():
        assert replicas.client().put(f"/v1/features/{entity}", json=features).status_code == 200


def kept(replicas: Replicas) -> list[int]:
    return [replicas.client(number).get("/readyz").json["entities"] for number in range(len(replicas.apps))]  # pyright: ignore


def test_each_replica_answers_for_all(replicas: Replicas) -> None:
    fill(replicas)
    counts = kept(replicas)
    assert sum(counts) == len(ENTITIES)
    assert min(counts) > 0, "each keeps a part"
    for number in range(3):
        for entity, features in ENTITIES.items():
            answer = replicas.client(number).get(f"/v1/features/{entity}")
            assert answer.json == {"entity": entity, "features": features}
    # Errors come through as they are, and names with special characters reach their owner.
    assert replicas.client().get("/v1/features/nobody").status_code == 404
    assert replicas.client(1).put("/v1/features/a%20b%3Fc", json={"x": 1}).status_code == 200
    assert replicas.client(2).get("/v1/features/a%20b%3Fc").json == {"entity": "a b?c", "features": {"x": 1}}


def test_a_lost_replica_is_told_and_the_others_answer(replicas: Replicas) -> None:
    fill(replicas)
    replicas.stop(1)
    statuses = {entity: replicas.client().get(f"/v1/features/{entity}").status_code for entity in ENTITIES}
    assert {entity for entity, status in statuses.items() if status == 503} == {
        entity for entity in ENTITIES if owner_of(entity, 3) == 1
    }


def backup(replicas: Replicas, folder: Path, **more: str) -> dict[str, str]:
    return {"PEERS": ",".join(replicas.peers), "BACKUP_DIR": str(folder), **more}


@pytest.mark.parametrize("count", [1, 3, 4])
def test_a_backup_brings_all_back_whatever_the_number_of_replicas(
    replicas: Replicas, tmp_path: Path, count: int
) -> None:
    fill(replicas)
    folder = tmp_path / "backups" / "features"
    assert main(["backup"], backup(replicas, folder)) == 0
    others = Replicas(tmp_path / "second", count)
    try:
        assert main(["restore"], backup(others, folder)) == 0
        for entity, features in ENTITIES.items():
            assert others.client().get(f"/v1/features/{entity}").json == {"entity": entity, "features": features}
        assert sum(kept(others)) == len(ENTITIES)
    finally:
        others.close()


def test_old_backups_go(replicas: Replicas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "backups" / "features"
    for day in range(1, 5):
        monkeypatch.setattr(
            "images.workloads.feature_store.backups.timestamp", lambda day=day: f"2026-11-0{day}T030000Z"
        )
        assert main(["backup"], backup(replicas, folder, BACKUP_KEEP="2")) == 0
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == [
        "2026-11-03t030000z",
        "2026-11-04t030000z",
    ]


@pytest.mark.parametrize("chosen", ["latest", "2026-11-03t030000z"])
def test_a_backup_that_is_not_there_is_told(
    replicas: Replicas, tmp_path: Path, chosen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["restore"], backup(replicas, tmp_path / "backups" / "features", BACKUP=chosen)) == 1
    assert f"no backup {chosen!r}" in capsys.readouterr().err


def test_a_damaged_backup_is_not_restored(
    replicas: Replicas, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(replicas)
    folder = tmp_path / "backups" / "features"
    assert main(["backup"], backup(replicas, folder)) == 0
    (rows,) = folder.glob("*/entities.ndjson")
    rows.write_text(re.sub('"visits": 7', '"visits": 8', rows.read_text()))
    assert main(["restore"], backup(replicas, folder)) == 1
    assert "damaged" in capsys.readouterr().err


def test_a_backup_without_a_replica_is_none(replicas: Replicas, tmp_path: Path) -> None:
    fill(replicas)
    replicas.stop(2)
    folder = tmp_path / "backups" / "features"
    assert main(["backup"], backup(replicas, folder)) == 1
    assert not list(folder.glob("*/manifest.json"))


@pytest.mark.parametrize("environ", [{}, {"PEERS": "http://a"}, {"BACKUP_DIR": "/b", "PEERS": ""}])
def test_a_backup_without_its_variables_is_not_tried_again(environ: dict[str, str]) -> None:
    assert main(["backup"], environ) == 64


def test_a_manifest_says_what_is_in_it(replicas: Replicas, tmp_path: Path) -> None:
    fill(replicas)
    folder = tmp_path / "backups" / "features"
    assert main(["backup"], backup(replicas, folder)) == 0
    (manifest,) = folder.glob("*/manifest.json")
    read = json.loads(manifest.read_text())
    assert (read["entities"], read["replicas"]) == (len(ENTITIES), 3)
