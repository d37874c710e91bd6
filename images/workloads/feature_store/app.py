"""The HTTP interface. Each replica answers for all: it passes on what another one keeps."""

import http.client
import json
import traceback
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, jsonify, request
from prometheus_client import Gauge
from werkzeug.exceptions import HTTPException

from ..common.log import log
from ..web.requests import RequestMetrics
from .settings import Settings
from .store import Row, Store

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_NAME = 256
_PEER_SECONDS = 5.0
# Marks a request that another replica passed on, so that two that disagree about the owner do not pass it on endlessly.
_PASSED_ON = "X-Passed-On"


class BadRequestError(Exception):
    """What a client did wrong; the message says it."""


def owner_of(entity: str, replicas: int) -> int:
    """The replica that keeps an entity. The same for every replica and at every time, as long as their number is."""
    return zlib.crc32(entity.encode()) % max(replicas, 1)


def create_app(settings: Settings) -> Flask:
    """The WSGI application."""
    app = Flask("feature-store", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    store, metrics = Store(settings.data), RequestMetrics("server")
    entities = Gauge("feature_store_entities", "Entities that this replica keeps.", registry=metrics.registry)
    entities.set_function(store.count)
    metrics.observe(app)
    _add_probes(app, settings, store)
    _add_entities(app, settings, store)
    _add_transfers(app, store)
    _add_errors(app)
    return app


def _add_probes(app: Flask, settings: Settings, store: Store) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        if settings.drain_file.exists():
            return jsonify(error="draining"), 503
        return jsonify(status="ready", replica=settings.replica, entities=store.count()), 200


def _add_entities(app: Flask, settings: Settings, store: Store) -> None:
    @app.route("/v1/features/<entity>", methods=["GET", "PUT", "DELETE"])
    def features(entity: str) -> Response | tuple[Response, int]:
        if len(entity) > MAX_NAME:
            raise BadRequestError(f"the name of the entity has {len(entity)} characters: at most {MAX_NAME}")
        # Read first: what is wrong with a body is said here, and not by way of another replica.
        values = _features(_body()) if request.method == "PUT" else {}
        owner = owner_of(entity, len(settings.peers))
        if owner != settings.replica and _PASSED_ON not in request.headers:
            return _pass_on(f"{settings.peers[owner]}/v1/features/{quote(entity, safe='')}", values)
        if request.method == "PUT":
            store.put([(entity, values)])
            return jsonify(entity=entity, features=values)
        if request.method == "DELETE":
            return (jsonify(entity=entity), 200) if store.delete(entity) else _unknown(entity)
        found = store.get(entity)
        return jsonify(entity=entity, features=found) if found is not None else _unknown(entity)


def _add_transfers(app: Flask, store: Store) -> None:
    @app.get("/v1/export")
    def export() -> Response:
        """What this replica keeps, an entity a line."""

        def lines() -> Iterator[str]:
            for entity, values in store.rows():
                yield json.dumps({"entity": entity, "features": values}, sort_keys=True) + "\n"

        return Response(lines(), content_type="application/x-ndjson")

    @app.post("/v1/import")
    def import_() -> Response:
        """Entities as `/v1/export` gives them, which this replica is to keep."""
        return jsonify(entities=store.put([_row(line) for line in request.get_data().splitlines() if line.strip()]))


def _row(line: bytes) -> Row:
    value = _json(line)
    if not isinstance(value, dict) or not isinstance(value.get("entity"), str):
        raise BadRequestError('a line is not {"entity": name, "features": {…}}')
    return value["entity"], _features(value.get("features"))


def _features(value: Any) -> dict[str, Any]:
    """Features that can be kept: plain values, or lists of numbers, by their names."""
    if not isinstance(value, dict):
        raise BadRequestError('features are not an object, such as {"visits": 3}')
    for name, one in value.items():
        numbers = isinstance(one, list) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in one)
        if not numbers and not (one is None or isinstance(one, str | int | float | bool)):
            raise BadRequestError(f"feature {name!r} is neither a plain value nor a list of numbers")
    return value


def _body() -> Any:
    return _json(request.get_data())


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the body is not JSON: {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _pass_on(url: str, values: dict[str, Any]) -> tuple[Response, int]:
    """The same request to the replica that keeps the entity, and its answer."""
    asked = urllib.request.Request(  # noqa: S310  the URL is of PEERS
        url,
        method=request.method,
        headers={_PASSED_ON: "1", "Content-Type": "application/json"},
        data=json.dumps(values).encode() if request.method == "PUT" else None,
    )
    try:
        with urllib.request.urlopen(asked, timeout=_PEER_SECONDS) as answer:  # noqa: S310
            return Response(answer.read(), content_type="application/json"), answer.status
    except urllib.error.HTTPError as error:
        with error:
            return Response(error.read(), content_type="application/json"), error.code
    except (OSError, http.client.HTTPException) as error:
        log("a replica does not answer", url=url, error=str(error))
        return jsonify(error=f"the replica that keeps the entity does not answer: {url}"), 503


def _unknown(entity: str) -> tuple[Response, int]:
    return jsonify(error=f"there is no entity {entity!r}"), 404


def _add_errors(app: Flask) -> None:
    @app.errorhandler(BadRequestError)
    def bad_request(error: BadRequestError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 400

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        response = Response(status=error.code)
        response.headers.extend(error.get_headers())
        response.content_type = "application/json"
        response.data = jsonify(error=f"{error.name}: {request.method} {request.path}").data
        return response

    @app.errorhandler(Exception)
    def internal_error(error: Exception) -> tuple[Response, int]:
        log("internal error", path=request.path, error=str(error), traceback=traceback.format_exc())
        return jsonify(error="internal error: the server's log says more"), 500
