"""A bounded load on a model server: every request is counted, none is retried."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit


class Load:
    """Clients that send predictions until the block ends, at most `limit` in all, each after `pause` seconds.

    Half of them keep their connection, as a browser or a connection pool does; half open one for every request.
    `errors` counts what failed, by its message, when it was and on which kind of connection; `answers` the predictions.
    """

    def __init__(
        self, url: str, sample: list[float], *, clients: int = 4, limit: int = 200_000, pause: float = 0
    ) -> None:
        self.address = urlsplit(url)
        self.body = json.dumps({"input": sample})
        self.limit = limit
        self.pause = pause
        self.sent = 0
        self.errors: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._client, args=(number % 2 == 0,), daemon=True) for number in range(clients)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def wait_until(self, requests: int, seconds: float) -> None:
        """Go on until that many requests were sent."""
        deadline = time.monotonic() + seconds
        while self.sent < requests and time.monotonic() < deadline:
            time.sleep(0.1)

    def _client(self, keep: bool) -> None:
        with contextlib.closing(self._connect()) as connection:
            self._send(connection, keep)

    def _send(self, connection: http.client.HTTPConnection, keep: bool) -> None:
        headers = {"Content-Type": "application/json"} | ({} if keep else {"Connection": "close"})
        while not self._stop.is_set() and self.sent < self.limit:
            time.sleep(self.pause)
            try:
                connection.request("POST", "/predict", self.body, headers)
                response = connection.getresponse()
                content: Any = response.read()
                with self._lock:
                    self.sent += 1
                    if response.status == 200:
                        self.answers[str(json.loads(content)["prediction"])] += 1
                    else:
                        self._failed(f"{response.status} {content[:100]!r}", keep)
                if not keep or response.will_close:
                    connection.close()
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.sent += 1
                    self._failed(repr(error), keep)
                connection.close()  # the next request opens another one

    def _failed(self, what: str, keep: bool) -> None:
        kind = "kept" if keep else "new"
        self.errors[f"{what} on a {kind} connection after {time.monotonic() - self._started:.0f} s"] += 1

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address.hostname or "", self.address.port or 80, timeout=10)
