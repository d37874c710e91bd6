"""Requests of tests to servers on the embedded cluster."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any


def ask(url: str, *, method: str = "GET", body: object = None) -> tuple[int, Any]:
    """Status and JSON of an answer. A body of bytes is sent as it is, anything else as JSON."""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, data=data)  # noqa: S310  the URL is a stack output
    # A proxy of the machine does not reach the embedded cluster.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
