"""Many requests to the API server in a short time: persistent connections, a few at once."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

CONNECTIONS = 8


@dataclass(frozen=True)
class Answer:
    """An HTTP status, and the object that came with it."""

    status: int
    body: Any


class Api:
    """The API server of a kubeconfig, asked with the rights that it gives."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server = urlsplit(cluster["server"])
        self._tls = ssl.create_default_context(cadata=_text(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(_text(user["client-certificate-data"]) + _text(user["client-key-data"]))
            pair.flush()
            self._tls.load_cert_chain(pair.name)

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """One request."""
        with closing(self._connect()) as connection:
            return _ask(connection, method, path, body)

    def post_all(self, path: str, bodies: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """The answers to many objects, in their order."""

        def post(part: Sequence[Mapping[str, Any]]) -> list[Answer]:
            with closing(self._connect()) as connection:
                return [_ask(connection, "POST", path, body) for body in part]

        size = -(-len(bodies) // CONNECTIONS)
        parts = [bodies[start : start + size] for start in range(0, len(bodies), size)]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return [answer for answers in pool.map(post, parts) for answer in answers]

    def _connect(self) -> http.client.HTTPSConnection:
        host = self._server.hostname or ""
        return http.client.HTTPSConnection(host, self._server.port, context=self._tls, timeout=60)


def _ask(connection: http.client.HTTPSConnection, method: str, path: str, body: Mapping[str, Any] | None) -> Answer:
    connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return Answer(answer.status, json.loads(answer.read() or "null"))


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
