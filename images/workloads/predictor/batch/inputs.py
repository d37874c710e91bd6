"""The rows of a batch: all `.json` and `.npz` files of a folder, in the order of their names."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..samples import HIGH, LOW, PIXELS, Array

_MANIFEST = "manifest.json"
# Where a file has its rows: the first of these that it has. The last one is the held-out part of the prepared digits.
_KEYS = ("inputs", "instances", "test_pixels")


class InputError(Exception):
    """Data that cannot be read, or that is no data for this model; the message says which file and why."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """The rows of one file, shape (n, 64)."""

    name: str
    rows: Array


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """All rows of a folder. `hash` is what its manifest says of them, or the digest of the files."""

    files: Sequence[Input]
    hash: str

    @property
    def count(self) -> int:
        return sum(len(file.rows) for file in self.files)

    def shard(self, number: int, shards: int) -> Iterator[tuple[str, int, Array]]:
        """The rows of one shard: file, number of the first row in it, rows. Together the shards have each row once."""
        begin, end = self.count * number // shards, self.count * (number + 1) // shards
        first = 0
        for file in self.files:
            low, high = max(begin - first, 0), min(end - first, len(file.rows))
            if low < high:
                yield file.name, low, file.rows[low:high]
            first += len(file.rows)


def read_inputs(folder: Path) -> Inputs:
    """The inputs of a folder. Raises InputError."""
    paths = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix in (".json", ".npz") and path.name != _MANIFEST and not _is_hidden(path.relative_to(folder))
    )
    if not paths:
        raise InputError(f"{folder} has no .json or .npz file: name the folder of the data")
    files = [Input(name=path.as_posix(), rows=_rows(folder / path)) for path in paths]
    return Inputs(files=files, hash=_manifest_hash(folder) or _digest(folder, paths))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _manifest_hash(folder: Path) -> str | None:
    try:
        found = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    value = found.get("dataHash") if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _digest(folder: Path, paths: Sequence[Path]) -> str:
    total = sha256()
    for path in paths:
        total.update(f"{path.as_posix()} {sha256((folder / path).read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _rows(path: Path) -> Array:
    try:
        value = _of_archive(path) if path.suffix == ".npz" else _of_document(path)
        rows = np.asarray(value, dtype=np.float64)
    except (BadZipFile, EOFError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from None
    if rows.ndim != 2 or rows.shape[1] != PIXELS:
        raise InputError(f"{path}: its rows have the shape {rows.shape}: each must have {PIXELS} numbers")
    if not np.all((rows >= LOW) & (rows <= HIGH)):
        raise InputError(f"{path} has numbers that are not from {LOW} to {HIGH}")
    return rows


def _of_archive(path: Path) -> Array:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays[_key(arrays.files)]


def _of_document(path: Path) -> Any:
    document = json.loads(path.read_text(encoding="utf-8"))
    return document[_key(document)] if isinstance(document, dict) else document


def _key(known: Any) -> str:
    found = next((key for key in _KEYS if key in known), None)
    if found is None:
        raise ValueError(f"it has none of {', '.join(_KEYS)}")
    return found
