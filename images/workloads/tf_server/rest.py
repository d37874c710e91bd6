"""The REST interface: https://www.tensorflow.org/tfx/serving/api_rest"""

import json
import time
import traceback
from typing import Any

import numpy as np
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from ..common.log import log
from .errors import CODES, RequestError
from .metrics import Metrics
from .models import Models, Signature, Version
from .tensors import metadata, status

MAX_BODY_BYTES = 64 * 1024 * 1024
_PLACES = ("/v1/models/<name>", "/v1/models/<name>/versions/<int:number>", "/v1/models/<name>/labels/<label>")


def create_app(models: Models, metrics: Metrics, metrics_path: str | None) -> Flask:
    """The WSGI application."""
    app = Flask("tensorflow_model_server", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES

    def predict(name: str, number: int | None = None, label: str | None = None) -> Response:
        started = time.perf_counter()
        try:
            answer = jsonify(_predict(models.version(name, number, label)))
        except RequestError as error:
            metrics.observe(name, error.code, entrypoint="REST", seconds=time.perf_counter() - started)
            raise
        metrics.observe(name, "OK", entrypoint="REST", seconds=time.perf_counter() - started)
        return answer

    def model_status(name: str, number: int | None = None, label: str | None = None) -> Response:
        known = (
            models.versions(name) if number is None and label is None else [models.version(name, number, label).number]
        )
        return jsonify(model_version_status=[status(one) for one in sorted(known, reverse=True)])

    def model_metadata(name: str, number: int | None = None, label: str | None = None) -> Response:
        return jsonify(metadata(models.version(name, number, label)))

    for place in _PLACES:
        app.add_url_rule(f"{place}:predict", f"predict {place}", predict, methods=["POST"])
        app.add_url_rule(place, f"status {place}", model_status)
        app.add_url_rule(f"{place}/metadata", f"metadata {place}", model_metadata)
    if metrics_path:
        app.add_url_rule(metrics_path, "metrics", lambda: Response(metrics.expose(), content_type="text/plain"))
    _add_errors(app)
    return app


def _predict(version: Version) -> dict[str, Any]:
    """The answer to the body of a request, in its own format: rows, or columns."""
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise RequestError("INVALID_ARGUMENT", f"JSON Parse error: {error}") from None
    if not isinstance(body, dict) or ("instances" in body) == ("inputs" in body):
        raise RequestError("INVALID_ARGUMENT", "the body must be an object with either 'instances' or 'inputs'")
    signature = version.signature(body.get("signature_name", ""))
    if "inputs" in body:
        outputs = version.predict(signature, _arrays(signature, _columns(signature, body["inputs"])))
        plain = {name: array.tolist() for name, array in outputs.items()}
        return {"outputs": next(iter(plain.values())) if len(plain) == 1 else plain}
    rows = body["instances"]
    if not isinstance(rows, list) or not rows:
        raise RequestError("INVALID_ARGUMENT", "'instances' must be a list of at least one row")
    outputs = version.predict(signature, _arrays(signature, _joined(signature, rows)))
    plain = {name: array.tolist() for name, array in outputs.items()}
    if len(plain) == 1:
        return {"predictions": next(iter(plain.values()))}
    return {"predictions": [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]}


def _columns(signature: Signature, inputs: Any) -> dict[str, Any]:
    named = isinstance(inputs, dict)
    return inputs if named else {next(iter(signature.inputs)): inputs}


def _joined(signature: Signature, rows: list[Any]) -> dict[str, Any]:
    """Columns of rows; a row is the value of the one input, or the values of all by name."""
    if not isinstance(rows[0], dict):
        return {next(iter(signature.inputs)): rows}
    if any(not isinstance(row, dict) or row.keys() != rows[0].keys() for row in rows):
        raise RequestError("INVALID_ARGUMENT", "the rows of 'instances' must have the same names")
    return {name: [row[name] for row in rows] for name in rows[0]}


def _arrays(signature: Signature, columns: dict[str, Any]) -> dict[str, Any]:
    """Values as arrays of the types of the signature's inputs."""
    arrays: dict[str, Any] = {}
    for name, values in columns.items():
        spec = signature.inputs.get(name)
        kind = spec.dtype.as_numpy_dtype if spec is not None else None
        try:
            arrays[name] = np.array(values, dtype=kind)
        except (ValueError, TypeError, OverflowError) as error:
            raise RequestError("INVALID_ARGUMENT", f"input {name!r}: {error}") from None
    return arrays


def _add_errors(app: Flask) -> None:
    @app.errorhandler(RequestError)
    def request_error(error: RequestError) -> tuple[Response, int]:
        return jsonify(error=str(error)), CODES[error.code][1]

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        response = Response(status=error.code)
        response.headers.extend(error.get_headers())
        response.content_type = "application/json"
        response.data = jsonify(error=f"Malformed request: {request.method} {request.path}").data
        return response

    @app.errorhandler(Exception)
    def internal_error(error: Exception) -> tuple[Response, int]:
        log("internal error", path=request.path, error=str(error), traceback=traceback.format_exc())
        return jsonify(error="internal error: the server's log says more"), 500
