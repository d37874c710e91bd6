"""A model as a versioned folder: measured on held-out rows, with a manifest, in the form that a predictor serves."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import joblib
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import Pipeline

from . import folder, place
from .digits import Digits, read
from .log import log, timestamp
from .place import Place

MODEL = "model.joblib"
SAMPLES = "samples.json"


class AccuracyError(Exception):
    """The model is not good enough to be served."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a model is called, and the code that made it."""

    name: str
    version: str
    code_version: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the environment asks of a training.

    `data`, `model`: folders to read and to write. `checkpoints`: folder to resume from, None for a run without.
    `min_accuracy`: share of held-out rows, 0 to 1, below which no model is written.
    """

    data: Place
    model: Place
    checkpoints: Place | None
    identity: Identity
    min_accuracy: float


@dataclass(frozen=True, kw_only=True)
class Data:
    """The prepared rows and the hash of what they are."""

    digits: Digits
    hash: str


def load_data(run: Run) -> Data:
    """The prepared data. Raises FolderError when they are not there or damaged."""
    with place.local(run.data) as source:
        digits, data_hash = read(source)
    return Data(digits=digits, hash=data_hash)


def publish(
    run: Run,
    fit: Callable[[Data], Pipeline],
    *,
    framework: str,
    parameters: Mapping[str, Any],
    export: Callable[[Pipeline, Path], None] | None = None,
) -> dict[str, Any]:
    """Let `fit` train a classifier of raw pixels and write the model folder, unless it is complete; its manifest.

    `export` adds the classifier to the folder in the framework's own form, for other servers than the sample predictor.
    Raises AccuracyError, and writes nothing, when the share of right held-out rows is below `min_accuracy`.
    """

    def fill(draft: Path) -> None:
        data = load_data(run)
        pipeline = fit(data)
        metrics = evaluate(pipeline, data.digits)
        if metrics["accuracy"] < run.min_accuracy:
            raise AccuracyError(
                f"accuracy {metrics['accuracy']:.4f} is below MIN_ACCURACY {run.min_accuracy}:"
                " no model is written; change the arguments of the training, or the threshold"
            )
        joblib.dump(pipeline, draft / MODEL)
        samples = {"inputs": data.digits.test_pixels.tolist(), "labels": data.digits.test_labels.tolist()}
        (draft / SAMPLES).write_text(json.dumps(samples), encoding="utf-8")
        if export:
            export(pipeline, draft)
        manifest = {
            "name": run.identity.name,
            "version": run.identity.version,
            "created": timestamp(),
            "codeVersion": run.identity.code_version,
            "dataHash": data.hash,
            "metrics": metrics,
            "framework": framework,
            "parameters": parameters,
            # The predictor loads no file whose digest is another one.
            "files": _digests(draft),
        }
        (draft / folder.MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    written = place.publish(run.model, fill)
    log("model written" if written else "model is complete already", folder=str(run.model))
    return place.read_manifest(run.model)


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file, by its path in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def help_publish(run: Run, fit: Callable[[Data], object]) -> dict[str, Any] | None:
    """The part of a process that only helps another one to train; the manifest of a model that is complete already."""
    if place.is_complete(run.model):
        log("model is complete already", folder=str(run.model))
        return place.read_manifest(run.model)
    fit(load_data(run))
    return None


def evaluate(pipeline: Pipeline, digits: Digits) -> dict[str, float]:
    """Accuracy and unweighted mean F1 of the ten digits, both 0–1, on the held-out rows."""
    predicted = pipeline.predict(digits.test_pixels)
    metrics = {
        "accuracy": float(accuracy_score(digits.test_labels, predicted)),
        "macroF1": float(f1_score(digits.test_labels, predicted, average="macro", zero_division=cast("Any", 0))),
    }
    log("metrics", **metrics)
    return metrics
