"""A model's folder in an S3 bucket, and `python3 -m predictor.objects URI`, which prints an object of one."""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from obstore.store import S3Store

_SCHEME = "s3"
# Loading is tried again anyway, and its reason should be seen soon.
_RETRIES = 2
_REQUEST_SECONDS = 60


class ObjectsError(Exception):
    """A bucket that cannot be read; the message says why."""


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
        if url.scheme != _SCHEME or not url.netloc or ".." in path.parts or url.query or url.fragment:
            raise ValueError("it must be s3://<bucket>/<folder>, without '..'")
        return cls(bucket=url.netloc, path=path)

    def __str__(self) -> str:
        return f"{_SCHEME}://{self.bucket}/{self.path}"

    def __truediv__(self, name: str) -> "ObjectFolder":
        return ObjectFolder(bucket=self.bucket, path=self.path / name)


def is_object_uri(text: str) -> bool:
    """Whether a text names a bucket's folder, and not one of the file system."""
    return text.startswith(f"{_SCHEME}:")


@contextmanager
def copied(source: ObjectFolder, names: Iterable[str]) -> Generator[Path]:
    """Those of the named objects that are there, as files of a local folder. Raises ObjectsError."""
    with TemporaryDirectory(prefix="model-") as copy:
        store = _store(source)
        for name in names:
            content = _content(store, source, name)
            if content is not None:
                Path(copy, name).write_bytes(content)
        yield Path(copy)


def _store(folder: ObjectFolder) -> "S3Store":
    # Here, since a server with a volume needs no client.
    from obstore.store import S3Store

    return S3Store(
        folder.bucket,
        prefix=str(folder.path),
        # Whether it is plain HTTP says the URL of the server, hence whoever configured it.
        client_options={"allow_http": True, "timeout": timedelta(seconds=_REQUEST_SECONDS)},
        retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_REQUEST_SECONDS)},
    )


def _content(store: "S3Store", folder: ObjectFolder, name: str) -> bytes | None:
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    try:
        return bytes(store.get(name).bytes())
    except FileNotFoundError:
        return None
    except (PermissionDeniedError, UnauthenticatedError):
        raise ObjectsError(f"{folder}: access denied: check the keys, or the rights of the service account") from None
    except BaseError as error:
        raise ObjectsError(f"{folder}: {' '.join(str(error).split())[:300]}") from None


def main(uri: str) -> int:
    """Write an object to standard output; the exit code."""
    folder, _, name = uri.rpartition("/")
    try:
        source = ObjectFolder.parse(folder)
        content = _content(_store(source), source, name)
    except (ValueError, ObjectsError) as error:
        print(f"{uri}: {error}", file=sys.stderr)
        return 1
    if content is None:
        print(f"{uri}: not there", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
