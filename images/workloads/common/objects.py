"""Folders in an S3 bucket that are either complete or not there.

A bucket has no folders and renames nothing: the objects of a folder begin with its name. The manifest is written
last, and only where there is none, so a reader that finds one finds all that it names.
"""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .buckets import ObjectFolder, explained, open_store, read_object
from .folder import MANIFEST, FolderError
from .log import log

if TYPE_CHECKING:
    from obstore.store import S3Store

# A server that starts anew is there by then.
_RETRIES, _RETRY_SECONDS = 10, 180


def read_manifest(folder: ObjectFolder) -> dict[str, Any]:
    """The manifest of a complete folder. Raises FolderError when it is missing or not a JSON object."""
    with explained(folder):
        content = read_object(_store(folder), MANIFEST)
    if content is None:
        raise FolderError(f"{folder} has no {MANIFEST}: the step that writes this folder is not done")
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise FolderError(f"{folder}/{MANIFEST} is not JSON ({error}): remove the folder and write it again") from None
    if not isinstance(manifest, dict):
        raise FolderError(f"{folder}/{MANIFEST} is not a JSON object: remove the folder and write it again")
    return manifest


def is_complete(folder: ObjectFolder) -> bool:
    """Whether a run has finished writing `folder`."""
    with explained(folder):
        return read_object(_store(folder), MANIFEST) is not None


def publish(target: ObjectFolder, fill: Callable[[Path], None]) -> bool:
    """Let `fill` write the files of `target`, manifest included; False when the folder was complete already.

    Of several runs at once the first to finish wins. What a killed run left is overwritten.
    """
    with explained(target):
        store = _store(target)
        if read_object(store, MANIFEST) is not None:
            return False
    with TemporaryDirectory(prefix="draft-") as draft:
        fill(Path(draft))
        with explained(target):
            return _upload(Path(draft), store, target)


def _upload(draft: Path, store: "S3Store", target: ObjectFolder) -> bool:
    for path in sorted(path for path in draft.rglob("*") if path.is_file()):
        name = path.relative_to(draft).as_posix()
        if name == MANIFEST:
            continue
        # Another run may have been quicker, and what its manifest names must stay as it is.
        if read_object(store, MANIFEST) is not None:
            return False
        store.put(name, path)
        log("uploaded", object=f"{target}/{name}", bytes=path.stat().st_size)
    return _put_manifest(store, (draft / MANIFEST).read_bytes())


@contextmanager
def copied(source: ObjectFolder) -> Generator[Path]:
    """A complete folder as a local one, for as long as the block lasts. Raises FolderError."""
    read_manifest(source)
    with TemporaryDirectory(prefix="copy-") as copy:
        with explained(source):
            store = _store(source)
            for found in (one for batch in store.list() for one in batch):
                path = Path(copy, found["path"])
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    for part in store.get(found["path"]):
                        file.write(part)
        yield Path(copy)


def folders_in(parent: ObjectFolder) -> list[str]:
    """Names of the folders in `parent`, sorted, complete or not."""
    with explained(parent):
        return sorted(Path(prefix).name for prefix in _store(parent).list_with_delimiter()["common_prefixes"])


def remove(target: ObjectFolder) -> None:
    """Remove a folder, its manifest first: no reader then takes the rest for a complete one."""
    with explained(target):
        store = _store(target)
        found = [one["path"] for batch in store.list() for one in batch]
        for path in sorted(found, key=lambda path: path != MANIFEST):
            store.delete(path)


def _store(folder: ObjectFolder) -> "S3Store":
    return open_store(folder, retries=_RETRIES, retry_seconds=_RETRY_SECONDS)


def _put_manifest(store: "S3Store", manifest: bytes) -> bool:
    from obstore.exceptions import AlreadyExistsError

    try:
        store.put(MANIFEST, manifest, mode="create")
    except AlreadyExistsError:
        return False
    return True
