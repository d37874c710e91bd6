"""The folder of a batch: it grows by its shards, and gets its manifest last. On a volume or in a bucket."""

import json
import os
import re
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ...common.buckets import ObjectFolder, explained, open_store
from ...common.folder import MANIFEST
from ...common.place import Place

if TYPE_CHECKING:
    from obstore.store import S3Store

_RETRIES, _RETRY_SECONDS = 10, 180
# CronJobs name their Jobs after themselves and the scheduled time, in minutes since 1970.
_JOB = re.compile(r".+-(\d{8,10})")


def due(job: str) -> datetime | None:
    """The scheduled time of a Job, by its name; None for one that somebody made by hand."""
    match = _JOB.fullmatch(job)
    return datetime.fromtimestamp(int(match[1]) * 60, UTC) if match else None


def write_manifest(target: Place, manifest: Mapping[str, Any]) -> None:
    """Make a place, which has its other files already, a complete one. A manifest that is there is replaced."""
    content = json.dumps(manifest, indent=2) + "\n"
    if not isinstance(target, Path):
        with explained(target):
            _store(target).put(MANIFEST, content.encode())
        return
    draft = target / f".{MANIFEST}.draft-{uuid.uuid4().hex}"
    with draft.open("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target / MANIFEST)


def remove_manifest(target: Place) -> None:
    """Make a complete place one that is not."""
    if isinstance(target, Path):
        (target / MANIFEST).unlink(missing_ok=True)
    else:
        with explained(target):
            _store(target).delete(MANIFEST)


def look_again(parent: Place) -> None:
    """Make the next look into a folder see what is in it now.

    A client of NFS remembers for a while what a folder had, and forgets it when it changes the folder itself.
    """
    if isinstance(parent, Path):
        mark = parent / f".look-{uuid.uuid4().hex}"
        mark.touch()
        mark.unlink()


@contextmanager
def local_files(source: Place) -> Generator[Path]:
    """A place, complete or not, as a folder that can be opened, for as long as the block lasts."""
    if isinstance(source, Path):
        yield source
        return
    with TemporaryDirectory(prefix="data-") as copy:
        with explained(source):
            store = _store(source)
            for found in (one for batch in store.list() for one in batch):
                path = Path(copy, found["path"])
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    for part in store.get(found["path"]):
                        file.write(part)
        yield Path(copy)


def _store(folder: ObjectFolder) -> "S3Store":
    return open_store(folder, retries=_RETRIES, retry_seconds=_RETRY_SECONDS)
