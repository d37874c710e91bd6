"""`kind: tensorflow`: a SavedModel on TensorFlow Serving, by REST and gRPC."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stacks.language.images import Image
from stacks.language.model import ConfigModel, Rule, shown
from stacks.serving.entry import ModelServing
from stacks.serving.parts import ProbeTimes

# The entry of the catalog, and the sample image that stands in for it where there is no registry to pull it from.
PROGRAM, STAND_IN = "tensorflow-serving", "tf-server"
_TIME = re.compile(r"(\d{1,7})(us|ms|s)")
_MICROSECONDS = {"us": 1, "ms": 1000, "s": 1_000_000}


def check_batch_timeout(value: object) -> int:
    """Microseconds of "5ms"; at most 10 seconds."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    micros = int(match[1]) * _MICROSECONDS[match[2]] if match else -1
    if not 0 <= micros <= 10_000_000:
        raise ValueError(f'{shown(value)} is not a time up to 10 seconds; write "5ms", "500us" or "1s"')
    return micros


BatchTimeout = Annotated[int, Rule("short time", check_batch_timeout, "up to 10 seconds: `500us`, `5ms`, `1s`")]


class BatchingConfig(ConfigModel):
    """Requests that arrive at the same time are answered together."""

    max_batch_size: int = Field(ge=2, le=65536, description="Maximum number of rows in a batch.")
    timeout: BatchTimeout = Field(default=5000, description="Longest time that a request waits for others.")
    max_enqueued: int = Field(
        default=100, ge=1, le=100_000, description="Maximum number of batches that wait. Further requests are refused."
    )
    threads: int = Field(default=1, ge=1, le=256, description="Number of batches that are computed at the same time.")


class TensorFlowServing(ModelServing):
    """TensorFlow Serving as a Deployment: REST on port 8501, gRPC on port 8500."""

    platform_variables: ClassVar[frozenset[str]] = frozenset({"MODEL_NAME", "MODEL_VERSION", "MODEL_ROOT"})

    kind: Literal["tensorflow"] = Field(description="A SavedModel on TensorFlow Serving.")
    image: Image = Field(
        default=STAND_IN,
        description="Name of a sample image, or an image reference with a tag or digest. Default: TensorFlow Serving's "
        "own image; on the embedded cluster the sample `tf-server`.",
    )
    probes: ProbeTimes = Field(default=ProbeTimes(), description="Times of the probes.")
    batching: BatchingConfig | None = Field(default=None, description="Requests that are answered together.")
    warmup: bool = Field(default=True, description="Whether a replica answers requests of its own before it is ready.")

    def runs_own_image(self, cluster: str) -> bool:
        """Whether it runs the catalog's image on a cluster of that kind."""
        return cluster != "local" and "image" not in self.model_fields_set
