"""The versions of models that are loaded, and how they answer."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..common.log import log
from .batching import Batcher, Batching, Tensors
from .errors import RequestError
from .flags import ModelConfig, Options

tf: Any = import_module("tensorflow")
prediction_log: Any = import_module("tensorflow_serving.apis.prediction_log_pb2")

DEFAULT_SIGNATURE = "serving_default"
_WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A function of a model, and the tensors that it takes and gives by name, with their types and shapes."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    run: Any


@dataclass(frozen=True, kw_only=True)
class Version:
    """A loaded version of a model."""

    name: str
    number: int
    signatures: Mapping[str, Signature]
    model: Any = field(repr=False)

    def signature(self, name: str) -> Signature:
        wanted = name or DEFAULT_SIGNATURE
        if wanted not in self.signatures:
            known = ", ".join(sorted(self.signatures))
            raise RequestError(
                "INVALID_ARGUMENT", f'Serving signature name: "{wanted}" not found in signature def; it has {known}'
            )
        return self.signatures[wanted]

    def predict(self, signature: Signature, inputs: Tensors) -> Tensors:
        """Arrays by the names of the outputs. Raises RequestError for inputs that are not those of the signature."""
        if inputs.keys() != signature.inputs.keys():
            raise RequestError(
                "INVALID_ARGUMENT",
                f"input tensor names are {', '.join(sorted(inputs)) or 'none'}; expected {', '.join(signature.inputs)}",
            )
        for name, array in inputs.items():
            if not signature.inputs[name].shape.is_compatible_with(array.shape):
                raise RequestError(
                    "INVALID_ARGUMENT",
                    f"input {name!r} has the shape {list(array.shape)}; expected {signature.inputs[name].shape}",
                )
        try:
            return signature.run(inputs)
        except (tf.errors.InvalidArgumentError, ValueError, TypeError) as error:
            raise RequestError("INVALID_ARGUMENT", str(error).splitlines()[0]) from None


def load(config: ModelConfig, number: int, options: Options) -> Version:
    """Load a version folder and warm it up."""
    started, folder = time.perf_counter(), config.base / str(number)
    model = tf.saved_model.load(str(folder))
    version = Version(
        name=config.name,
        number=number,
        signatures={name: _signature(one, options.batching) for name, one in model.signatures.items()},
        model=model,
    )
    warmed = _warm_up(version, folder) if options.warmup else 0
    log("model loaded", model=config.name, version=number, seconds=time.perf_counter() - started, warmup=warmed)
    return version


def _signature(function: Any, batching: Batching | None) -> Signature:
    run = partial(_run, function)
    return Signature(
        inputs=dict(function.structured_input_signature[1]),
        outputs=dict(function.structured_outputs),
        run=Batcher(run, batching) if batching else run,
    )


def _run(function: Any, inputs: Tensors) -> Tensors:
    answers = function(**{name: tf.constant(array) for name, array in inputs.items()})
    return {name: tensor.numpy() for name, tensor in answers.items()}


def _warm_up(version: Version, folder: Path) -> int:
    """Answer the requests that the model brings along, otherwise one row of zeros for each signature; how many."""
    file = folder / _WARMUP_FILE
    if not file.is_file():
        return sum(_answer_zeros(version, signature) for signature in version.signatures.values())
    count = 0
    for record in tf.data.TFRecordDataset(str(file)):
        asked = prediction_log.PredictionLog.FromString(record.numpy()).predict_log.request
        signature = version.signature(asked.model_spec.signature_name)
        version.predict(signature, {name: tf.make_ndarray(proto) for name, proto in asked.inputs.items()})
        count += 1
    return count


def _answer_zeros(version: Version, signature: Signature) -> bool:
    numbers = all(spec.dtype.is_floating or spec.dtype.is_integer for spec in signature.inputs.values())
    known = all(spec.shape.rank and None not in spec.shape[1:] for spec in signature.inputs.values())
    if numbers and known:
        zeros = {
            name: np.zeros((1, *spec.shape[1:]), spec.dtype.as_numpy_dtype) for name, spec in signature.inputs.items()
        }
        version.predict(signature, zeros)
    return numbers and known


class Models:
    """The models of a server. Their version folders are looked at again and again."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._configs = {config.name: config for config in options.models}
        self._loaded: dict[str, dict[int, Version]] = {name: {} for name in self._configs}

    def start(self) -> None:
        """Load what is there, and go on looking in a thread where a time is set for it."""
        while not all(self._loaded.values()):
            self.look()
            if not all(self._loaded.values()):
                log("a model has no version yet", models=[name for name, one in self._loaded.items() if not one])
                time.sleep(1)
        if self._options.poll_seconds > 0:
            threading.Thread(target=self._watch, name="versions", daemon=True).start()

    def look(self) -> None:
        """Load versions that came, and drop those that are no longer to be served, after the new ones are there."""
        for name, config in self._configs.items():
            wanted = config.versions.of(_numbers(config.base))
            loaded = self._loaded[name]
            for number in wanted:
                if number not in loaded:
                    loaded = {**loaded, number: load(config, number, self._options)}
            self._loaded[name] = {number: one for number, one in loaded.items() if number in wanted}

    def _watch(self) -> None:
        while True:
            time.sleep(self._options.poll_seconds)
            try:
                self.look()
            except (OSError, tf.errors.OpError) as error:
                log("a version could not be loaded", error=str(error).splitlines()[0])

    def versions(self, name: str) -> dict[int, Version]:
        """The loaded versions of a model."""
        if name not in self._loaded:
            raise RequestError("NOT_FOUND", f"Could not find any versions of model {name}")
        return self._loaded[name]

    def version(self, name: str, number: int | None = None, label: str | None = None) -> Version:
        """A version by its number or label; without either, the newest one."""
        loaded = self.versions(name)
        if label is not None:
            labels = self._configs[name].labels
            if label not in labels:
                raise RequestError("NOT_FOUND", f"Unrecognized servable version label: {label}")
            number = labels[label]
        if number is None:
            number = max(loaded, default=-1)
        if number not in loaded:
            raise RequestError("NOT_FOUND", f"Servable not found for request: Specific({name}, {number})")
        return loaded[number]


def _numbers(base: Path) -> Iterable[int]:
    """The version folders of a model that have a SavedModel."""
    folders = base.iterdir() if base.is_dir() else ()
    return [int(folder.name) for folder in folders if folder.name.isdecimal() and (folder / "saved_model.pb").is_file()]
