"""The program that rolls servers: what it notes, when it rolls, and what it asks the API server for."""

from __future__ import annotations

import ast
import json
import ssl
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.external_secrets.rotation import program
from components.external_secrets.rotation.program import MARK, Pulse, look, news, patch_of, serve
from components.external_secrets.rotation.service import program_text
from local.node import pki

EARLY, LATER = "2026-01-01T10:00:00Z", "2026-01-01T10:00:05Z"


def secret(version: str, *, changed: str = EARLY) -> dict[str, Any]:
    metadata = {"resourceVersion": version, "creationTimestamp": EARLY, "managedFields": [{"time": changed}]}
    return {"metadata": metadata}


def deployment(created: str = LATER, **annotations: str) -> dict[str, Any]:
    notes = {f"secrets.ml-platform/{name}": version for name, version in annotations.items()}
    return {"metadata": {"name": "digits", "creationTimestamp": created, "annotations": {MARK: "hub,db", **notes}}}


@pytest.mark.parametrize(
    ("found", "secrets", "noted", "rolls"),
    [
        # The pods were made after the Secret: they have read it.
        (deployment(), {"hub": secret("7")}, {"hub": "7"}, False),
        (deployment(hub="7"), {"hub": secret("7")}, {}, False),
        (deployment(hub="7"), {"hub": secret("8")}, {"hub": "8"}, True),
        # Between the start of the pods and the first look at them.
        (deployment(created=EARLY), {"hub": secret("8", changed=LATER)}, {"hub": "8"}, True),
        (deployment(hub="7"), {"hub": secret("8"), "db": secret("1")}, {"hub": "8", "db": "1"}, True),
        (deployment(hub="7", db="1"), {"hub": secret("7"), "db": secret("2")}, {"db": "2"}, True),
        # A Secret that is gone rolls nothing: new pods would not start.
        (deployment(hub="7"), {}, {}, False),
    ],
)
def test_what_is_noted_and_when_pods_are_rolled(
    found: dict[str, Any], secrets: dict[str, Any], noted: dict[str, str], rolls: bool
) -> None:
    expected = {f"secrets.ml-platform/{name}": version for name, version in noted.items()}
    assert news(found, secrets) == (expected, rolls)


def test_a_secret_without_managed_fields_changed_when_it_was_made() -> None:
    assert program.changed_at({"metadata": {"creationTimestamp": EARLY}}) == EARLY


def test_only_a_patch_that_rolls_touches_the_pods() -> None:
    notes = {"secrets.ml-platform/hub": "8"}
    assert patch_of(notes, rolls=False) == {"metadata": {"annotations": notes}}
    assert patch_of(notes, rolls=True)["spec"] == {"template": {"metadata": {"annotations": notes}}}


class Server:
    """An API server of some objects. None is its answer to what it lacks or refuses, as of the program's own calls."""

    def __init__(self, deployments: list[dict[str, Any]], secrets: dict[str, dict[str, Any]]) -> None:
        self.deployments, self.secrets = deployments, secrets
        self.patches: list[tuple[str, Any]] = []

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        if method == "PATCH":
            self.patches.append((path, body))
            return {}
        if path.startswith("/api/v1/namespaces/vision/secrets/"):
            return self.secrets.get(path.rpartition("/")[2])
        assert path == "/apis/apps/v1/namespaces/vision/deployments?labelSelector=ml-platform%2Frotation"
        return {"items": self.deployments}


def test_a_look_rolls_what_reads_a_changed_secret() -> None:
    other = deployment(hub="8", db="1")
    other["metadata"]["name"] = "other"
    server = Server([deployment(hub="7", db="1"), other], {"hub": secret("8"), "db": secret("1")})
    assert look("vision", server) == ["vision/digits: rolled for hub"]
    ((path, body),) = server.patches
    assert path == "/apis/apps/v1/namespaces/vision/deployments/digits?fieldManager=ml-platform-rotation"
    assert body == patch_of({"secrets.ml-platform/hub": "8"}, rolls=True)


def test_a_namespace_that_gives_no_right_yet_is_passed_by() -> None:
    assert look("vision", lambda *_: None) == []


def test_a_secret_that_may_not_be_read_is_passed_by() -> None:
    server = Server([deployment()], {"db": secret("1")})
    assert look("vision", server) == ["vision/digits: noted db"]


class Api(BaseHTTPRequestHandler):
    """Says what it was asked, or that it has nothing, or will not say."""

    def do_GET(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def _answer(self) -> None:
        wanted = int(self.path.rpartition("/")[2]) if self.path.startswith("/error/") else 200
        length = int(self.headers.get("Content-Length") or 0)
        asked = {
            "method": self.command,
            "accept": self.headers["Accept"],
            "token": self.headers["Authorization"],
            "type": self.headers["Content-Type"],
            "body": json.loads(self.rfile.read(length) or "null"),
        }
        self.send_response(wanted)
        self.end_headers()
        self.wfile.write(json.dumps(asked).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's own name
        """Not on the screen of who runs the tests."""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[program.Call]:
    """The program's own calls, of a server with a certificate of an authority that only the pod knows."""
    authority = pki.Authority(tmp_path, "ca")
    authority.issue(pki.Identity(file="server", common_name="server", names=("127.0.0.1",)))
    (tmp_path / "token").write_text("a-token")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(program, "ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
    yield program.api_server()
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_calls_show_the_pod_s_token(call: program.Call) -> None:
    asked = call("PATCH", "/apis/apps/v1/namespaces/a/deployments/b", {"metadata": {}})
    assert (asked["method"], asked["token"], asked["body"]) == ("PATCH", "Bearer a-token", {"metadata": {}})
    assert (asked["type"], asked["accept"]) == ("application/merge-patch+json", "application/json")


def test_of_a_secret_only_the_metadata_is_asked_for(call: program.Call) -> None:
    asked = call("GET", "/api/v1/namespaces/a/secrets/b", None)
    assert asked["accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@pytest.mark.parametrize("code", [403, 404])
def test_what_is_not_there_yet_is_nothing(call: program.Call, code: int) -> None:
    assert call("GET", f"/error/{code}", None) is None


def test_other_errors_are_told(call: program.Call) -> None:
    with pytest.raises(urllib.error.HTTPError) as told:
        call("GET", "/error/500", None)
    told.value.close()


def test_a_look_that_fails_is_told_and_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds: list[float] = []

    def looked(namespace: str, _call: program.Call) -> list[str]:
        if not rounds:
            raise OSError("nobody answers")
        return [f"{namespace}/digits: rolled for hub"]

    def slept(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 2:
            raise KeyboardInterrupt

    servers: list[ThreadingHTTPServer] = []
    start = program.serve
    monkeypatch.setattr(program, "serve", lambda pulse, port: servers.append(start(pulse, port)))
    monkeypatch.setattr(program, "api_server", lambda: None)
    monkeypatch.setattr(program, "look", looked)
    monkeypatch.setattr(program.time, "sleep", slept)
    for name, value in {"NAMESPACES": "vision,demo", "SECONDS_BETWEEN": "10", "PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    try:
        with pytest.raises(KeyboardInterrupt):
            program.main()
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
    said = capsys.readouterr()
    assert said.out.splitlines() == ["vision/digits: rolled for hub", "demo/digits: rolled for hub"]
    assert "nobody answers" in said.err
    assert rounds == [10, 10]


def test_it_needs_nothing_but_python() -> None:
    imported = [
        alias.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.walk(ast.parse(program_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_the_probe_says_whether_looks_go_well() -> None:
    pulse = Pulse(patience=60)
    server = serve(pulse, 0)
    try:
        address = f"http://127.0.0.1:{server.server_port}/"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address)
        assert refused.value.code == 503
        refused.value.close()
        pulse.beat()
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
    finally:
        server.shutdown()
        server.server_close()
