"""The model as TensorFlow's own SavedModel, beside what the sample predictor loads, for TensorFlow Serving."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ..common.network import PIXELS
from .graph import tf

#: In the model folder. TensorFlow Serving looks for numbered versions in its --model_base_path, and finds this one.
SAVED_MODEL = Path("saved_model", "1")


class _Classifier(tf.Module):
    """Digits of raw pixels, as scikit-learn's classifier of the model folder gives them."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        steps: Any = pipeline.named_steps
        network = steps["classify"]
        self._scale = tf.constant(np.asarray(steps["scale"].scale_, dtype=np.float32))
        self._weights = [tf.Variable(np.asarray(one, dtype=np.float32)) for one in network.coefs_]
        self._biases = [tf.Variable(np.asarray(one, dtype=np.float32)) for one in network.intercepts_]

    @tf.function(input_signature=[tf.TensorSpec([None, PIXELS], tf.float32, name="pixels")])
    def predict(self, pixels: Any) -> dict[str, Any]:
        hidden = tf.nn.relu(pixels / self._scale @ self._weights[0] + self._biases[0])
        return {"digit": tf.argmax(hidden @ self._weights[1] + self._biases[1], axis=1)}


def export(pipeline: Pipeline, draft: Path) -> None:
    """Add the SavedModel to a model folder."""
    classifier = _Classifier(pipeline)
    tf.saved_model.save(classifier, str(draft / SAVED_MODEL), signatures=classifier.predict)
