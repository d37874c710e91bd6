"""The predictor as its container runs it: a real gunicorn on a loopback port."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.images.workload import NAME, VERSION, Trained

_CONTEXT = Path(__file__).parents[4] / "images"
_DEADLINE = 30.0  # seconds; the machine may be busy
_QUIET = 0.5  # seconds
_BODY = json.dumps({"input": [0] * 64}).encode()


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running predictor."""

    process: subprocess.Popen[bytes]
    port: int
    drain_file: Path
    log: Path

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=_DEADLINE)

    def get(self, path: str) -> tuple[int, str]:
        with closing(self.connect()) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def in_flight(self) -> float:
        """Requests being handled, the one that asks included."""
        found = re.search(r"^predictor_requests_in_flight (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        assert found
        return float(found[1])


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def _ready(running: Server) -> None:
    _wait_for(lambda: running.get("/readyz")[0] == 200)


def _end(running: Server) -> None:
    running.process.send_signal(signal.SIGTERM)
    _wait_for(lambda: "Handling signal: term" in running.log.read_text())


@contextmanager
def _serve(models: Path, folder: Path, **more: str) -> Generator[Server]:
    log, drain_file = folder / "log", folder / "draining"
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        # As a pod's: a user without a home, whose root file system is read-only.
        "HOME": "/nonexistent",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "MODEL_NAME": NAME,
        "MODEL_VERSION": VERSION,
        "MODEL_ROOT": str(models),
        "RETRY_SECONDS": "0.05",
        "STALL_SECONDS": "1",
        "THREADS": "4",
        "QUIET_SECONDS": str(_QUIET),
        "DRAIN_FILE": str(drain_file),
        **more,
    }
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "workloads.predictor"],
            cwd=_CONTEXT,
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            address = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")
            _wait_for(lambda: process.poll() is not None or bool(address.search(log.read_text())))
            found = address.search(log.read_text())
            assert found, log.read_text()
            yield Server(process=process, port=int(found[1]), drain_file=drain_file, log=log)
        finally:
            process.terminate()
            try:
                process.wait(timeout=_DEADLINE)
            finally:
                process.kill()


@pytest.fixture(scope="module")
def server(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "draining").touch()  # by the hook of a container before it, in the pod's own folder
    with _serve(trained.models, folder) as running:
        _ready(running)
        yield running


def _predict(connection: http.client.HTTPConnection) -> tuple[int, str | None]:
    connection.request("POST", "/predict", _BODY, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert "prediction" in json.loads(response.read())
    return response.status, response.headers["Connection"]


def test_a_container_that_starts_again_does_not_drain(server: Server) -> None:
    assert not server.drain_file.exists()
    assert server.get("/readyz")[0] == 200


def test_a_connection_is_kept_until_the_server_drains(server: Server) -> None:
    with closing(server.connect()) as connection:
        assert [_predict(connection), _predict(connection)] == [(200, "keep-alive")] * 2
        kept = connection.sock
        server.drain_file.touch()
        try:
            assert server.get("/readyz") == (503, '{"error":"draining"}\n')
            # The answer still comes, on the same connection, and is the last one.
            assert _predict(connection) == (200, "close")
            assert connection.sock is None
            assert _predict(connection) == (200, "close")
        finally:
            server.drain_file.unlink()
        assert _predict(connection) == (200, "keep-alive")
        assert connection.sock is not kept


@pytest.mark.parametrize("headers", [{}, {"Connection": "close"}, {"Transfer-Encoding": "chunked"}])
def test_ten_megabytes_of_nesting_are_answered(server: Server, headers: dict[str, str]) -> None:
    with closing(server.connect()) as connection:
        body = b"[" * 10_000_000
        chunks = [body] if "Transfer-Encoding" in headers else body
        connection.request(
            "POST",
            "/predict",
            chunks,
            {"Content-Type": "application/json", **headers},
            encode_chunked="Transfer-Encoding" in headers,
        )
        response = connection.getresponse()
        assert response.status == 413
        assert "at most 2097152 bytes" in json.loads(response.read())["error"]
    assert server.get("/readyz")[0] == 200


_HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        _HEAD + b"Content-Length: 100\r\n\r\n{",
        _HEAD + b"Content-Length: many\r\n\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
        _HEAD + b"\r\n",
        b"NONSENSE\r\n\r\n",
    ],
)
def test_a_broken_request_is_a_4xx(server: Server, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=_DEADLINE) as raw:
        raw.sendall(request_bytes)
        raw.shutdown(socket.SHUT_WR)
        assert re.match(rb"HTTP/1\.[01] 4\d\d ", raw.recv(64))
    assert server.get("/readyz")[0] == 200


def test_it_serves_one_client_while_another_is_slow(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=_DEADLINE) as slow:
        slow.sendall(_HEAD + b"Content-Length: %d\r\n\r\n" % len(_BODY))
        _wait_for(lambda: server.in_flight() == 2)
        with closing(server.connect()) as connection:
            assert _predict(connection)[0] == 200
        slow.sendall(_BODY)
        assert slow.recv(1024).startswith(b"HTTP/1.1 200 ")


def test_clients_that_send_half_a_body_do_not_stop_the_others(server: Server) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=_DEADLINE) for _ in range(8)]
    try:
        for connection in slow:
            connection.sendall(_HEAD + b"Content-Length: 100\r\n\r\n{")
        started = time.monotonic()
        assert server.get("/healthz")[0] == 200
        assert time.monotonic() - started < _DEADLINE / 2
        assert all(connection.recv(64).startswith(b"HTTP/1.1 400 ") for connection in slow)
    finally:
        for connection in slow:
            connection.close()


def test_clients_that_never_stop_do_not_keep_it_from_ending(trained: Trained, tmp_path: Path) -> None:
    with _serve(trained.models, tmp_path, DRAIN_SECONDS="2", QUIET_SECONDS="10") as running:
        _ready(running)
        started, answers = time.monotonic(), list[tuple[int, str | None]]()
        _end(running)
        while running.process.poll() is None:
            assert time.monotonic() - started < _DEADLINE
            with suppress(OSError, http.client.HTTPException), closing(running.connect()) as client:
                answers.append(_predict(client))
        assert running.process.returncode == 0
        # Half of its time it is there for them.
        assert time.monotonic() - started >= 1
        assert (200, "close") in answers


def test_after_sigterm_it_answers_late_clients_and_the_request_in_flight(trained: Trained, tmp_path: Path) -> None:
    models = tmp_path / "models"
    with _serve(models, tmp_path, STALL_SECONDS="10") as running:
        _wait_for(lambda: "not trained yet" in running.get("/readyz")[1])
        assert running.get("/healthz")[0] == 200
        shutil.copytree(trained.models, tmp_path / "draft")
        (tmp_path / "draft").rename(models)
        _ready(running)

        with (
            closing(running.connect()) as kept,
            socket.create_connection(("127.0.0.1", running.port), timeout=_DEADLINE) as slow,
        ):
            assert _predict(kept) == (200, "keep-alive")
            slow.sendall(_HEAD + b"Content-Length: %d\r\n\r\n" % len(_BODY) + _BODY[:50])
            _wait_for(lambda: running.in_flight() == 2)
            _end(running)
            assert _predict(kept)[0] == 200
            # Clients that have not heard of it, for longer than it waits for one.
            deadline, last = time.monotonic() + 2 * _QUIET, None
            while time.monotonic() < deadline:
                with closing(running.connect()) as late:
                    last = _predict(late)
            assert last == (200, "close")
            assert running.process.poll() is None
            slow.sendall(_BODY[50:])
            answer = http.client.HTTPResponse(slow)
            answer.begin()
            assert answer.status == 200
            assert "prediction" in json.loads(answer.read())
        assert running.process.wait(timeout=_DEADLINE) == 0
