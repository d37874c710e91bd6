"""Folders in an S3 bucket, and the client that reads and writes them."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from obstore.store import S3Store

_SCHEME = "s3"
# An attempt that hangs is given up and made again.
_REQUEST_SECONDS = 60


class BucketError(Exception):
    """A bucket that cannot be read or written; the message says which, why and what to do."""


@dataclass(frozen=True, kw_only=True)
class ObjectFolder:
    """`s3://<bucket>/<path>`. AWS's own variables (`AWS_ENDPOINT_URL`, …) say which server, and as whom."""

    bucket: str
    path: PurePosixPath

    @classmethod
    def parse(cls, uri: str) -> Self:
        """The folder of a URI; without a path, the whole bucket. Raises ValueError for any other text."""
        url = urlsplit(uri)
        path = PurePosixPath(url.path.strip("/"))
        if url.scheme != _SCHEME or not url.netloc or ".." in path.parts or url.query or url.fragment:
            raise ValueError("it must be s3://<bucket>/<folder>, without '..'")
        return cls(bucket=url.netloc, path=path)

    def __str__(self) -> str:
        return f"{_SCHEME}://{self.bucket}/{self.path}"

    def __truediv__(self, name: str) -> "ObjectFolder":
        return ObjectFolder(bucket=self.bucket, path=self.path / name)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def parent(self) -> PurePosixPath:
        return self.path.parent


def is_object_uri(text: str) -> bool:
    """Whether a text names a folder of a bucket rather than one of the file system."""
    return text.startswith(f"{_SCHEME}:")


def open_store(folder: ObjectFolder, *, retries: int, retry_seconds: int) -> "S3Store":
    """A client for the objects of a folder. A failed request is repeated at most `retries` times in that time."""
    # Imported here, since a run on volumes needs no client.
    from obstore.store import S3Store

    return S3Store(
        folder.bucket,
        prefix=str(folder.path),
        # The URL of the server decides whether it is plain HTTP, hence whoever configured it.
        client_options={"allow_http": True, "timeout": timedelta(seconds=_REQUEST_SECONDS)},
        retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=retry_seconds)},
    )


def read_object(store: "S3Store", name: str) -> bytes | None:
    """The content of an object, None where there is none. Call it under `explained`."""
    try:
        return bytes(store.get(name).bytes())
    except FileNotFoundError:
        return None


@contextmanager
def explained(folder: ObjectFolder) -> Generator[None]:
    """Turn the client's errors into a BucketError: one line, with what to do."""
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError):
        raise BucketError(f"{folder}: access denied: check the keys, or the rights of the service account") from None
    except FileNotFoundError as error:
        raise BucketError(f"{folder}: not found: {_line(error)}: check the bucket's name") from None
    except BaseError as error:
        raise BucketError(f"{folder}: {_line(error)}: check AWS_ENDPOINT_URL and that the server answers") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
