"""Folders in an S3 bucket that are either complete or not there.

A bucket has no folders and renames nothing: the objects of a folder begin with its name. The manifest is written
last, and only where there is none, so a reader that finds one finds all that it names.
"""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from .folder import MANIFEST, FolderError
from .log import log

if TYPE_CHECKING:
    from obstore.store import S3Store

_SCHEME = "s3"
# An attempt that hangs is given up and made again, for three minutes: a server that starts anew is there by then.
_REQUEST_SECONDS = 60
_RETRY_SECONDS = 180


@dataclass(frozen=True, kw_only=True)
class ObjectFolder:
    """`s3://<bucket>/<path>`. Which server, and as whom, say AWS's variables (`AWS_ENDPOINT_URL`, …)."""

    bucket: str
    path: PurePosixPath

    @classmethod
    def parse(cls, uri: str) -> Self:
        """The folder of a URI. Raises ValueError where it is none."""
        url = urlsplit(uri)
        path = PurePosixPath(url.path.strip("/"))
        if url.scheme != _SCHEME or not url.netloc or not path.name or ".." in path.parts or url.query or url.fragment:
            raise ValueError("it must be s3://<bucket>/<folder>, without '..'")
        return cls(bucket=url.netloc, path=path)

    def __str__(self) -> str:
        return f"{_SCHEME}://{self.bucket}/{self.path}"

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def parent(self) -> PurePosixPath:
        return self.path.parent


def is_object_uri(text: str) -> bool:
    """Whether a text names a bucket's folder, and not one of the file system."""
    return text.startswith(f"{_SCHEME}:")


def read_manifest(folder: ObjectFolder) -> dict[str, Any]:
    """The manifest of a complete folder. Raises FolderError when it is missing or not a JSON object."""
    with _explained(folder):
        content = _content(_store(folder), MANIFEST)
    if content is None:
        raise FolderError(f"{folder} has no {MANIFEST}: the step that writes this folder is not done")
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise FolderError(f"{folder}/{MANIFEST} is not JSON ({error}): remove the folder and write it again") from None
    if not isinstance(manifest, dict):
        raise FolderError(f"{folder}/{MANIFEST} is not a JSON object: remove the folder and write it again")
    return manifest


def publish(target: ObjectFolder, fill: Callable[[Path], None]) -> bool:
    """Let `fill` write the files of `target`, manifest included; False when the folder was complete already.

    Of several runs at once the first to finish wins. What a killed run left is overwritten.
    """
    with _explained(target):
        store = _store(target)
        if _content(store, MANIFEST) is not None:
            return False
        with TemporaryDirectory(prefix="draft-") as draft:
            fill(Path(draft))
            files = sorted(path for path in Path(draft).rglob("*") if path.is_file())
            for path in files:
                name = path.relative_to(draft).as_posix()
                if name == MANIFEST:
                    continue
                # Another run may have been quicker, and what its manifest names must stay as it is.
                if _content(store, MANIFEST) is not None:
                    return False
                store.put(name, path)
                log("uploaded", object=f"{target}/{name}", bytes=path.stat().st_size)
            return _put_manifest(store, Path(draft, MANIFEST).read_bytes())


@contextmanager
def copied(source: ObjectFolder) -> Generator[Path]:
    """A complete folder as a local one, for as long as the block lasts. Raises FolderError."""
    read_manifest(source)
    with TemporaryDirectory(prefix="copy-") as copy:
        with _explained(source):
            store = _store(source)
            for found in (one for batch in store.list() for one in batch):
                path = Path(copy, found["path"])
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    for part in store.get(found["path"]):
                        file.write(part)
        yield Path(copy)


def _store(folder: ObjectFolder) -> "S3Store":
    # Here, since a run on volumes needs no client.
    from obstore.store import S3Store

    return S3Store(
        folder.bucket,
        prefix=str(folder.path),
        # Whether it is plain HTTP says the URL of the server, hence whoever configured it.
        client_options={"allow_http": True, "timeout": timedelta(seconds=_REQUEST_SECONDS)},
        retry_config={"max_retries": 10, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
    )


def _content(store: "S3Store", name: str) -> bytes | None:
    try:
        return bytes(store.get(name).bytes())
    except FileNotFoundError:
        return None


def _put_manifest(store: "S3Store", manifest: bytes) -> bool:
    from obstore.exceptions import AlreadyExistsError

    try:
        store.put(MANIFEST, manifest, mode="create")
    except AlreadyExistsError:
        return False
    return True


@contextmanager
def _explained(folder: ObjectFolder) -> Generator[None]:
    """The client's errors as ours: in one line, with what to do."""
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError):
        raise FolderError(f"{folder}: access denied: check the keys, or the rights of the service account") from None
    except FileNotFoundError as error:
        raise FolderError(f"{folder}: not found: {_line(error)}: check the bucket's name") from None
    except BaseError as error:
        raise FolderError(f"{folder}: {_line(error)}: check AWS_ENDPOINT_URL and that the server answers") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
