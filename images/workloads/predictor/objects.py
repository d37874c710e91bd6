"""A model's folder in an S3 bucket, and `python3 -m workloads.predictor.objects URI`, which prints an object of one."""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..common.buckets import BucketError, ObjectFolder, explained, open_store, read_object

if TYPE_CHECKING:
    from obstore.store import S3Store

# Loading is tried again anyway, and its reason should be seen soon.
_RETRIES, _RETRY_SECONDS = 2, 60


@contextmanager
def copied(source: ObjectFolder, names: Iterable[str]) -> Generator[Path]:
    """Those of the named objects that are there, as files of a local folder. Raises BucketError."""
    with TemporaryDirectory(prefix="model-") as copy:
        with explained(source):
            store = _store(source)
            for name in names:
                content = read_object(store, name)
                if content is not None:
                    Path(copy, name).write_bytes(content)
        yield Path(copy)


def _store(folder: ObjectFolder) -> "S3Store":
    return open_store(folder, retries=_RETRIES, retry_seconds=_RETRY_SECONDS)


def main(uri: str) -> int:
    """Write an object to standard output; the exit code."""
    folder, _, name = uri.rpartition("/")
    try:
        source = ObjectFolder.parse(folder)
        with explained(source):
            content = read_object(_store(source), name)
    except (ValueError, BucketError) as error:
        print(f"{uri}: {error}", file=sys.stderr)
        return 1
    if content is None:
        print(f"{uri}: not there", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
