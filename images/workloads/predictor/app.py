"""The HTTP interface. Every answer but the metrics is JSON; an error is {"error": "..."}."""

import time
import traceback

from flask import Flask, Response, jsonify, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ..common.log import log
from .metrics import Metrics
from .model import Model, ModelHolder
from .samples import MAX_BODY_BYTES, BadRequestError, parse_input, parse_instances
from .settings import Settings

# TensorFlow Serving does not look at the type, so its examples use plain curl -d, which declares a form.
_CONTENT_TYPES = frozenset({"", "application/json", "application/x-www-form-urlencoded"})

# Of a body that is too large, what is read at most, and at once, before the connection may be closed.
_DISCARD_BYTES = 64 * 1024 * 1024
_DISCARD_SECONDS = 5.0
_DISCARD_STEP = 64 * 1024

_MODEL = "/v1/models/<name>"
_VERSION = f"{_MODEL}/versions/<version>"


def create_app(settings: Settings) -> Flask:
    """The WSGI application; it begins to load the model at once.

    `app.extensions["model_holder"]` is the holder of the model, for who wants to end its thread.
    """
    app = Flask("predictor", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    metrics = Metrics()
    holder = ModelHolder(settings, metrics.observe_model)
    app.extensions["model_holder"] = holder
    metrics.watch_ready(lambda: holder.model is not None and not settings.drain_file.exists())
    metrics.observe(app)
    _add_errors(app)
    _add_probes(app, settings, holder)
    _add_predictions(app, settings, holder, metrics)
    holder.start()
    return app


def _add_probes(app: Flask, settings: Settings, holder: ModelHolder) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        if settings.drain_file.exists():
            return jsonify(error="draining"), 503
        if holder.model is None:
            return jsonify(error=holder.reason), 503
        return jsonify(status="ready", model=holder.model.name, version=holder.model.version), 200


def _add_predictions(app: Flask, settings: Settings, holder: ModelHolder, metrics: Metrics) -> None:
    def model_for(name: str, version: str | None) -> Model:
        known = name == settings.model_name and version in (None, settings.model_version)
        if not known:
            asked = name if version is None else f"{name}, version {version}"
            raise BadRequestError(
                f"no model {asked}: this server has {settings.model_name}, version {settings.model_version}",
                404,
            )
        if holder.model is None:
            raise _NotReadyError(holder.reason)
        return holder.model

    @app.post("/predict")
    def predict() -> Response:
        model = model_for(settings.model_name, None)
        samples, one = parse_input(_body())
        predictions = model.predict(samples)
        metrics.samples.inc(len(predictions))
        return jsonify(prediction=predictions[0] if one else predictions)

    @app.post(f"{_MODEL}:predict", defaults={"version": None})
    @app.post(f"{_VERSION}:predict")
    def predict_instances(name: str, version: str | None) -> Response:
        model = model_for(name, version)
        predictions = model.predict(parse_instances(_body()))
        metrics.samples.inc(len(predictions))
        return jsonify(predictions=predictions)

    @app.get(_MODEL, defaults={"version": None})
    @app.get(_VERSION)
    def status(name: str, version: str | None) -> Response:
        try:
            model_for(name, version)
        except _NotReadyError as error:
            state, code, message = "LOADING", "UNAVAILABLE", str(error)
        else:
            state, code, message = "AVAILABLE", "OK", ""
        of_version = {
            "version": settings.model_version,
            "state": state,
            "status": {"error_code": code, "error_message": message},
        }
        return jsonify(model_version_status=[of_version])


def _body() -> bytes:
    if request.mimetype not in _CONTENT_TYPES:
        raise BadRequestError(f"Content-Type is {request.mimetype}: it must be application/json", 415)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise BadRequestError("Content-Encoding is set: the body must not be compressed", 415)
    too_large = BadRequestError(f"the body is too large: at most {MAX_BODY_BYTES} bytes", 413)
    try:
        body = request.get_data()
        # A body without a length is not refused at the framework's limit but cut there.
        if len(body) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge
    except RequestEntityTooLarge:
        _discard_body()
        raise too_large from None
    except ParseException as error:
        raise BadRequestError(f"the body cannot be read: {error}") from None
    return body


def _discard_body() -> None:
    """Read on for a while: a client that is still sending does not see the answer if the connection is closed."""
    stream, discarded, deadline = request.environ["wsgi.input"], 0, time.monotonic() + _DISCARD_SECONDS
    try:
        while discarded < _DISCARD_BYTES and time.monotonic() < deadline:
            part = stream.read(_DISCARD_STEP)
            if not part:
                return
            discarded += len(part)
    except (OSError, ParseException):
        return


class _NotReadyError(Exception):
    """The model is not loaded; the message says why."""


def _add_errors(app: Flask) -> None:
    @app.errorhandler(BadRequestError)
    def bad_request(error: BadRequestError) -> tuple[Response, int]:
        return jsonify(error=str(error)), error.status

    @app.errorhandler(_NotReadyError)
    def not_ready(error: _NotReadyError) -> tuple[Response, int, dict[str, str]]:
        return jsonify(error=str(error)), 503, {"Retry-After": "1"}

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        # The framework's own answer, for its headers (such as Allow), with our body.
        response = Response(status=error.code)
        response.headers.extend(error.get_headers())
        response.content_type = "application/json"
        response.data = jsonify(error=f"{error.name}: {request.method} {request.path}").data
        return response

    @app.errorhandler(Exception)
    def internal_error(error: Exception) -> tuple[Response, int]:
        log("internal error", path=request.path, error=str(error), traceback=traceback.format_exc())
        return jsonify(error="internal error: the server's log says more"), 500
