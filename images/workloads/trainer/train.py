"""Trains a support vector classifier on the digits."""

import time
from dataclasses import dataclass
from typing import Any, Literal, cast

import sklearn
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.svm import SVC

from ..common import model
from ..common.digits import Digits
from ..common.log import log
from ..common.model import Run


@dataclass(frozen=True, kw_only=True)
class TrainArgs:
    """Hyper-parameters of the support vector classifier with a radial kernel.

    `c`: penalty of a misclassified training row, more than 0; larger follows the training rows more closely.
    `gamma`: width of the kernel on pixels scaled to 0–1, more than 0, or a rule: "scale" or "auto".
    """

    c: float = 10.0
    gamma: float | Literal["scale", "auto"] = "scale"


def train(run: Run, args: TrainArgs) -> dict[str, Any]:
    """Write the model folder unless it is complete; its manifest either way."""
    return model.publish(
        run,
        lambda data: fit(data.digits, args),
        framework=f"scikit-learn {sklearn.__version__}",
        parameters=vars(args),
    )


def fit(digits: Digits, args: TrainArgs) -> Pipeline:
    """A fitted classifier of raw pixels: it scales them itself, with the scale that preprocessing found."""
    log("fitting", rows=len(digits.train_labels), c=args.c, gamma=args.gamma)
    started = time.monotonic()
    scaler = MaxAbsScaler().fit(digits.scale.reshape(1, -1))
    classifier = SVC(C=args.c, gamma=cast("Any", args.gamma))
    classifier.fit(scaler.transform(digits.train_pixels), digits.train_labels)
    log("fitted", seconds=round(time.monotonic() - started, 3))
    return Pipeline([("scale", scaler), ("classify", classifier)])
