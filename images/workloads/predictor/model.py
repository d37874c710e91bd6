"""The model: read from its folder, on a volume or in a bucket, checked, warmed up."""

import io
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from ..common.buckets import BucketError
from ..common.log import log
from .objects import copied
from .samples import PIXELS, Array
from .settings import Settings

MANIFEST = "manifest.json"
MODEL = "model.joblib"
SAMPLES = "samples.json"

_WARM_UP_ROWS = 32


class ModelError(Exception):
    """There is no model that can be served; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model in memory. `load_seconds`: reading, importing, checking and warming up."""

    name: str
    version: str
    framework: str
    load_seconds: float
    pipeline: Any

    def predict(self, samples: Array) -> list[int]:
        """The digit of each sample; `samples` has shape (n, 64)."""
        return self.pipeline.predict(samples).tolist()


def load(settings: Settings) -> Model:
    """Read, check and warm up the model. Raises ModelError."""
    started = time.perf_counter()
    place = settings.folder
    if isinstance(place, Path):
        return _load(place, settings, started)
    try:
        with copied(place, (MANIFEST, MODEL, SAMPLES)) as folder:
            if not (folder / MANIFEST).is_file():
                raise ModelError(f"{place}/{MANIFEST} is not there: the model is not trained yet")
            return _load(folder, settings, started)
    except BucketError as error:
        raise ModelError(str(error)) from None


def _load(folder: Path, settings: Settings, started: float) -> Model:
    manifest = _manifest(folder)
    for key, expected in (("name", settings.model_name), ("version", settings.model_version)):
        if manifest.get(key) != expected:
            raise ModelError(f"{folder / MANIFEST} says {key} {manifest.get(key)!r}, not {expected!r}")
    # Unpickling runs what the file says. The digest shows that the file is whole; that only the trainer can
    # write to the volume is for the cluster to ensure.
    pipeline = joblib.load(io.BytesIO(_checked(folder / MODEL, manifest)))
    samples = _warm_up_samples(folder, manifest)
    for batch in (*samples.reshape(-1, 1, PIXELS), samples):
        if len(pipeline.predict(batch)) != len(batch):
            raise ModelError(f"{folder / MODEL} does not answer one prediction a sample")
    return Model(
        name=settings.model_name,
        version=settings.model_version,
        framework=str(manifest.get("framework", "unknown")),
        load_seconds=time.perf_counter() - started,
        pipeline=pipeline,
    )


class ModelHolder:
    """Loads the model in the background, and tries again: the volume may be filled after the start."""

    def __init__(self, settings: Settings, on_load: Callable[[Model], None]) -> None:
        self._settings = settings
        self._on_load = on_load
        self._model: Model | None = None
        self._reason = "the model is being loaded"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-loader", daemon=True)

    @property
    def model(self) -> Model | None:
        """The model, once it is loaded and warm."""
        return self._model

    @property
    def reason(self) -> str:
        """Why there is no model yet."""
        return self._reason

    def start(self) -> None:
        """Begin to load."""
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait until the model is loaded, at most `timeout` seconds."""
        self._thread.join(timeout)

    def stop(self) -> None:
        """Give up loading and wait for the thread."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                model = load(self._settings)
            # A damaged model may raise anything, and the server must stay up to say so.
            except Exception as error:  # noqa: BLE001
                self._explain(error)
                self._stopped.wait(self._settings.retry_seconds)
            else:
                self._on_load(model)
                self._model = model
                log("model loaded", version=model.version, seconds=round(model.load_seconds, 3))
                return

    def _explain(self, error: Exception) -> None:
        reason = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
        if reason != self._reason:
            self._reason = reason
            log("model not loaded, trying again", reason=reason, seconds=self._settings.retry_seconds)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"{path} is not there: the model is not trained yet") from None
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise ModelError(f"{path} is not a JSON object")
    return manifest


def _checked(path: Path, manifest: dict[str, Any]) -> bytes:
    """The bytes of a file whose SHA-256 is the one in the manifest's `files`."""
    content = path.read_bytes()
    files = manifest.get("files")
    expected = files.get(path.name) if isinstance(files, dict) else None
    if sha256(content).hexdigest() != expected:
        raise ModelError(f"the SHA-256 of {path} is not the one in {MANIFEST} (files, {path.name})")
    return content


def _warm_up_samples(folder: Path, manifest: dict[str, Any]) -> Array:
    """Some held-out samples, or empty pictures for a model that comes without."""
    path = folder / SAMPLES
    if not path.is_file():
        return np.zeros((_WARM_UP_ROWS, PIXELS))
    return np.array(json.loads(_checked(path, manifest))["inputs"][:_WARM_UP_ROWS], dtype=np.float64)
