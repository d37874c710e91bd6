"""Second step: train a classifier, measure it on the held-out rows, and write it as a versioned folder."""

import json
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, cast

import joblib
import sklearn
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.svm import SVC

from . import folder, place
from .log import log, timestamp
from .place import Place
from .preprocess import Digits, read

MODEL = "model.joblib"
SAMPLES = "samples.json"


class AccuracyError(Exception):
    """The model is not good enough to be served."""


@dataclass(frozen=True, kw_only=True)
class TrainArgs:
    """Hyper-parameters of the support vector classifier with a radial kernel.

    `c`: penalty of a misclassified training row, more than 0; larger follows the training rows more closely.
    `gamma`: width of the kernel on pixels scaled to 0–1, more than 0, or a rule: "scale" or "auto".
    """

    c: float = 10.0
    gamma: float | Literal["scale", "auto"] = "scale"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a model is called, and the code that made it."""

    name: str
    version: str
    code_version: str


def train(data: Place, target: Place, args: TrainArgs, *, identity: Identity, min_accuracy: float) -> dict[str, Any]:
    """Write the model folder unless it is complete; its manifest either way.

    Raises AccuracyError, and writes nothing, when the share of right held-out rows is below `min_accuracy`.
    """

    def fill(draft: Path) -> None:
        with place.local(data) as source:
            digits, data_hash = read(source)
        log("fitting", rows=len(digits.train_labels), c=args.c, gamma=args.gamma)
        started = time.monotonic()
        pipeline = fit(digits, args)
        log("fitted", seconds=round(time.monotonic() - started, 3))
        metrics = evaluate(pipeline, digits)
        if metrics["accuracy"] < min_accuracy:
            raise AccuracyError(
                f"accuracy {metrics['accuracy']:.4f} is below MIN_ACCURACY {min_accuracy}:"
                " no model is written; change --c or --gamma, or the threshold"
            )
        joblib.dump(pipeline, draft / MODEL)
        samples = {"inputs": digits.test_pixels.tolist(), "labels": digits.test_labels.tolist()}
        (draft / SAMPLES).write_text(json.dumps(samples), encoding="utf-8")
        manifest = {
            "name": identity.name,
            "version": identity.version,
            "created": timestamp(),
            "codeVersion": identity.code_version,
            "dataHash": data_hash,
            "metrics": metrics,
            "framework": f"scikit-learn {sklearn.__version__}",
            "parameters": vars(args),
            # The predictor loads no file whose digest is another one.
            "files": {name: sha256((draft / name).read_bytes()).hexdigest() for name in (MODEL, SAMPLES)},
        }
        (draft / folder.MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    written = place.publish(target, fill)
    log("model written" if written else "model is complete already", folder=str(target))
    return place.read_manifest(target)


def fit(digits: Digits, args: TrainArgs) -> Pipeline:
    """A fitted classifier of raw pixels: it scales them itself, with the scale that preprocessing found."""
    scaler = MaxAbsScaler().fit(digits.scale.reshape(1, -1))
    classifier = SVC(C=args.c, gamma=cast("Any", args.gamma))
    classifier.fit(scaler.transform(digits.train_pixels), digits.train_labels)
    return Pipeline([("scale", scaler), ("classify", classifier)])


def evaluate(pipeline: Pipeline, digits: Digits) -> dict[str, float]:
    """Accuracy and unweighted mean F1 of the ten digits, both 0–1, on the held-out rows."""
    predicted = pipeline.predict(digits.test_pixels)
    metrics = {
        "accuracy": float(accuracy_score(digits.test_labels, predicted)),
        "macroF1": float(f1_score(digits.test_labels, predicted, average="macro", zero_division=cast("Any", 0))),
    }
    log("metrics", **metrics)
    return metrics
