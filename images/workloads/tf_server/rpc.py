"""The gRPC services: PredictionService and ModelService."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import numpy as np

from .errors import RequestError
from .metrics import Metrics
from .models import Models, Version
from .tensors import signature_map

grpc: Any = import_module("grpc")
tf: Any = import_module("tensorflow")
predict_pb2: Any = import_module("tensorflow_serving.apis.predict_pb2")
metadata_pb2: Any = import_module("tensorflow_serving.apis.get_model_metadata_pb2")
status_pb2: Any = import_module("tensorflow_serving.apis.get_model_status_pb2")
prediction_grpc: Any = import_module("tensorflow_serving.apis.prediction_service_pb2_grpc")
model_grpc: Any = import_module("tensorflow_serving.apis.model_service_pb2_grpc")

THREADS = 8
_METADATA = "signature_def"
_UNLIMITED: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)


def _version(models: Models, spec: Any) -> Version:
    number = spec.version.value if spec.HasField("version") else None
    label = spec.version_label or None
    return models.version(spec.name, number, label)


def _answered(context: Any, answer: Callable[[], Any]) -> Any:
    """What `answer` gives, or the end of the call with what it raises."""
    try:
        return answer()
    except RequestError as error:
        context.abort(getattr(grpc.StatusCode, error.code), str(error))


class _Predictions(prediction_grpc.PredictionServiceServicer):
    """The other methods are unimplemented, as the base class has them."""

    def __init__(self, models: Models, metrics: Metrics) -> None:
        self._models = models
        self._metrics = metrics

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        started, code = time.perf_counter(), "UNKNOWN"

        def answer() -> Any:
            nonlocal code
            try:
                made = self._predict(request)
                code = "OK"
                return made
            except RequestError as error:
                code = error.code
                raise
            finally:
                seconds = time.perf_counter() - started
                self._metrics.observe(request.model_spec.name, code, entrypoint="GRPC", seconds=seconds)

        return _answered(context, answer)

    def _predict(self, request: Any) -> Any:
        version = _version(self._models, request.model_spec)
        signature = version.signature(request.model_spec.signature_name)
        outputs = version.predict(signature, _arrays(request.inputs))
        if unknown := set(request.output_filter) - outputs.keys():
            raise RequestError("INVALID_ARGUMENT", f"output tensor alias not found in signature: {min(unknown)}")
        made = predict_pb2.PredictResponse()
        _fill(made.model_spec, version, request.model_spec.signature_name)
        for name in request.output_filter or outputs:
            made.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
        return made

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        def answer() -> Any:
            if list(request.metadata_field) != [_METADATA]:
                raise RequestError("INVALID_ARGUMENT", f"the metadata_field must be {_METADATA}")
            version = _version(self._models, request.model_spec)
            made = metadata_pb2.GetModelMetadataResponse()
            _fill(made.model_spec, version, "")
            made.metadata[_METADATA].Pack(signature_map(version))
            return made

        return _answered(context, answer)


class _ModelStatus(model_grpc.ModelServiceServicer):
    """The state of versions; the configuration is that of the flags and stays so."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        def answer() -> Any:
            spec, made = request.model_spec, status_pb2.GetModelStatusResponse()
            one = spec.HasField("version") or spec.version_label
            known = [_version(self._models, spec).number] if one else self._models.versions(spec.name)
            for number in sorted(known, reverse=True):
                made.model_version_status.add(version=number, state=status_pb2.ModelVersionStatus.AVAILABLE)
            return made

        return _answered(context, answer)


def _arrays(inputs: Any) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name, proto in inputs.items():
        try:
            arrays[name] = np.asarray(tf.make_ndarray(proto))
        except (ValueError, TypeError) as error:
            raise RequestError("INVALID_ARGUMENT", f"input {name!r}: {error}") from None
    return arrays


def _fill(spec: Any, version: Version, signature: str) -> None:
    spec.name, spec.version.value, spec.signature_name = version.name, version.number, signature


def start(models: Models, metrics: Metrics, port: int) -> tuple[Any, int]:
    """A server that answers at the port, and the port: another one where that is 0."""
    server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="grpc"), options=_UNLIMITED)
    prediction_grpc.add_PredictionServiceServicer_to_server(_Predictions(models, metrics), server)
    model_grpc.add_ModelServiceServicer_to_server(_ModelStatus(models), server)
    bound = server.add_insecure_port(f"0.0.0.0:{port}")
    server.start()
    return server, bound
