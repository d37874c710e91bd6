"""Folders that are either complete or not there.

A folder is written under a temporary name beside its place and renamed when every byte is on disk. So a
reader never sees half of it, a killed run leaves nothing under its name, and a complete one never changes.
"""

import errno
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .log import log

MANIFEST = "manifest.json"

# What flock(2) answers on a file system that has no locks.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


class FolderError(Exception):
    """A folder that this program must not or cannot use; the message says which and what to do."""


def is_complete(folder: Path) -> bool:
    """Whether a run has finished writing `folder`."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a complete folder. Raises FolderError when it is missing or not a JSON object."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise FolderError(f"{folder} has no {MANIFEST}: the step that writes this folder is not done") from None
    except ValueError as error:
        raise FolderError(f"{folder / MANIFEST} is not JSON ({error}): remove the folder and write it again") from None
    if not isinstance(manifest, dict):
        raise FolderError(f"{folder / MANIFEST} is not a JSON object: remove the folder and write it again")
    return manifest


def publish(target: Path, fill: Callable[[Path], None]) -> bool:
    """Let `fill` write the files of `target`, manifest included; False when the folder was complete already.

    Of several runs at once one writes and the others wait for it, then find the folder complete. Where the
    file system has no locks all of them write, each in a folder of its own, and the first to finish wins.
    """
    if is_complete(target):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target) as alone:
        if is_complete(target):
            return False
        if target.is_dir() and any(target.iterdir()):
            raise _foreign(target)
        if alone:
            _remove_drafts(target)
        draft = target.with_name(f"{_draft_prefix(target)}{uuid.uuid4().hex}")
        draft.mkdir()
        try:
            fill(draft)
            _sync(draft)
            return _rename(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def folders_in(parent: Path) -> list[str]:
    """Names of the folders in `parent`, sorted, complete or not, without those that a run is writing."""
    if not parent.is_dir():
        return []
    return sorted(path.name for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))


def remove(target: Path) -> None:
    """Remove a folder, its manifest first: no reader then takes the rest for a complete one."""
    (target / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(target)


def _draft_prefix(target: Path) -> str:
    return f".{target.name}.draft-"


def _foreign(target: Path) -> FolderError:
    return FolderError(f"{target} has files but no {MANIFEST}, so this program did not write it: move it away")


def _remove_drafts(target: Path) -> None:
    """Remove what killed runs left. Only for the holder of the lock: no draft is then a living run's."""
    for draft in target.parent.glob(f"{_draft_prefix(target)}*"):
        log("removing what a killed run left", folder=str(draft))
        shutil.rmtree(draft)


def _sync(folder: Path) -> None:
    """Force files and folders to disk: else the rename may survive a crash and what it names may not."""
    for path, _, files in os.walk(folder, topdown=False):
        for name in files:
            _sync_one(Path(path, name))
        _sync_one(Path(path))


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(draft: Path, target: Path) -> bool:
    try:
        # rename(2) replaces an empty folder, and refuses one that has files.
        draft.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if is_complete(target):
            return False
        raise _foreign(target) from None
    _sync_one(target.parent)
    return True


@contextmanager
def _lock(target: Path) -> Generator[bool]:
    """Hold the lock of `target`, which the kernel frees when its holder dies; False: there are no locks."""
    path = target.with_name(f".{target.name}.lock")
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            alone = _acquire(descriptor, target)
            # The holder before us removes the file when it is done: then our lock is on a name that is gone.
            if alone and not _is_same(descriptor, path):
                continue
            try:
                yield alone
            finally:
                if alone:
                    path.unlink(missing_ok=True)
            return
        finally:
            os.close(descriptor)


def _acquire(descriptor: int, target: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log("waiting for another run that writes the same folder", folder=str(target))
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log("this file system has no locks: what killed runs left is not removed", folder=str(target))
        return False
    return True


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
