"""The data of every trainer: the digits, split into training and held-out rows, and the scale of each pixel."""

import json
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MaxAbsScaler

from . import folder, place
from .log import log, timestamp
from .place import Place

ARRAYS = "digits.npz"

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class PreprocessArgs:
    """How to split.

    `test_share`: share of the rows held out for the test, more than 0 and less than 1.
    `seed`: of the split; the same seed gives the same rows and the same bytes.
    """

    test_share: float = 0.25
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Digits:
    """The prepared data. A row of pixels is one digit: 64 values 0–16, row by row of the 8x8 picture.

    Source: the test set of UCI's "Optical Recognition of Handwritten Digits", 1797 rows, in scikit-learn.
    `scale` is the largest value of each pixel among the training rows.
    """

    train_pixels: Array
    train_labels: Array
    test_pixels: Array
    test_labels: Array
    scale: Array


def preprocess(target: Place, args: PreprocessArgs, *, code_version: str) -> dict[str, Any]:
    """Write the data folder unless it is complete; its manifest either way."""

    def fill(draft: Path) -> None:
        digits = split(args)
        rows = {"train": len(digits.train_labels), "test": len(digits.test_labels)}
        log("split", **rows)
        with (draft / ARRAYS).open("wb") as file:
            np.savez(file, allow_pickle=False, **vars(digits))
        manifest = {
            "created": timestamp(),
            "codeVersion": code_version,
            "dataHash": digest(digits),
            "rows": rows,
            "parameters": vars(args),
        }
        (draft / folder.MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    written = place.publish(target, fill)
    log("data written" if written else "data is complete already", folder=str(target))
    return place.read_manifest(target)


def split(args: PreprocessArgs) -> Digits:
    """Split so that each digit has the same share of both parts; only training rows tell the scale."""
    bunch: Any = load_digits()
    pixels, labels = bunch.data.astype(np.uint8), bunch.target.astype(np.uint8)
    parts: list[Any] = train_test_split(
        pixels, labels, test_size=args.test_share, random_state=args.seed, stratify=labels
    )
    train_pixels, test_pixels, train_labels, test_labels = parts
    scaler: Any = MaxAbsScaler().fit(train_pixels)
    return Digits(
        train_pixels=train_pixels,
        train_labels=train_labels,
        test_pixels=test_pixels,
        test_labels=test_labels,
        scale=scaler.scale_,
    )


def digest(digits: Digits) -> str:
    """SHA-256, in hex, of what the data are: name, type, shape and values of each array.

    Not of the file, whose bytes change with the version of Python that writes it.
    """
    total = sha256()
    for field in fields(digits):
        array: Array = getattr(digits, field.name)
        total.update(f"{field.name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def read(source: Path) -> tuple[Digits, str]:
    """The prepared data of a complete folder and its hash. Raises FolderError when it is damaged."""
    data_hash = folder.read_manifest(source).get("dataHash")
    path = source / ARRAYS
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            digits = Digits(**arrays)
        if digest(digits) == data_hash:
            return digits, str(data_hash)
        problem = f"its content is not the one in {folder.MANIFEST}"
    # A damaged archive shows in many ways: no zip file, a wrong checksum, an array that is missing or is no array.
    except (BadZipFile, EOFError, FileNotFoundError, TypeError, ValueError) as error:
        problem = str(error)
    raise folder.FolderError(f"{path} is damaged ({problem}): remove {source} and preprocess again")
