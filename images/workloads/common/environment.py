"""What the platform tells a trainer in its environment."""

import math
import re
from collections.abc import Mapping

from .model import Identity, Run
from .place import Place, place_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

HELP = """\
environment:
  DATA_DIR       folder of the prepared data: preprocess writes it, train reads it
  MODEL_DIR      train: folder to write, .../<model name>/<version>
  MODEL_NAME     train: name in the manifest (default: from MODEL_DIR)
  MODEL_VERSION  train: version in the manifest (default: from MODEL_DIR)
  CODE_VERSION   what the manifests say made them, an image reference (default: unversioned)
{more}  AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
                 of s3:// folders: the server, and as whom (default: AWS, workload identity)
  MIN_ACCURACY   train: share of held-out rows, 0 to 1, that must be right (default: 0.97)

A folder is a path or s3://bucket/folder. One that has a manifest.json is complete and is left as it is.
exit codes: 0 done, 1 failed (another try may work), 64 wrong arguments or environment,
  65 below MIN_ACCURACY
"""


class UsageError(Exception):
    """Wrong environment; the message names the variable."""


def run(environ: Mapping[str, str]) -> Run:
    """What to train from, and where to. Raises UsageError."""
    data, target = place(environ, "DATA_DIR"), place(environ, "MODEL_DIR")
    return Run(
        data=data,
        model=target,
        checkpoints=place(environ, "CHECKPOINT_DIR") if environ.get("CHECKPOINT_DIR") else None,
        identity=Identity(
            name=_part_of(target.parent.name, environ, "MODEL_NAME"),
            version=_part_of(target.name, environ, "MODEL_VERSION"),
            code_version=code_version(environ),
        ),
        min_accuracy=_share(environ, "MIN_ACCURACY", default="0.97"),
    )


def code_version(environ: Mapping[str, str]) -> str:
    """The code that a manifest names."""
    return environ.get("CODE_VERSION", "unversioned")


def place(environ: Mapping[str, str], key: str) -> Place:
    """The folder that a variable names. Raises UsageError."""
    value = environ.get(key, "")
    if not value:
        raise UsageError(f"{key} is not set: it names the folder, for example {key}=/tmp/digits/v1")
    try:
        return place_of(value)
    except ValueError as error:
        raise UsageError(f"{key} is {value!r}: {error}") from None


def _part_of(part: str, environ: Mapping[str, str], key: str) -> str:
    """The value of `key`, which is a part of MODEL_DIR: the predictor looks for the model there."""
    value = environ.get(key, part)
    if value != part or not _NAME.fullmatch(value):
        raise UsageError(
            f"{key} is {value!r}, where MODEL_DIR has {part!r}: MODEL_DIR must end in"
            " <MODEL_NAME>/<MODEL_VERSION>, each of letters, digits, '.', '_' and '-'"
        )
    return value


def _share(environ: Mapping[str, str], key: str, *, default: str) -> float:
    value = environ.get(key, default)
    try:
        share = float(value)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise UsageError(f"{key} is {value!r}: it must be a number from 0 to 1")
    return share
