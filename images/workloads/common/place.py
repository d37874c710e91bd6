"""Where data and models are: in a folder of a volume, or of a bucket."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import folder, objects
from .buckets import ObjectFolder, is_object_uri

Place = Path | ObjectFolder


def place_of(text: str) -> Place:
    """The place that a variable names. Raises ValueError with what it must be."""
    if is_object_uri(text):
        place = ObjectFolder.parse(text)
        if not place.name:
            raise ValueError("it must be s3://<bucket>/<folder>: a folder, not the whole bucket")
        return place
    path = Path(text).absolute()
    if ".." in path.parts or not path.name:
        raise ValueError("it must be a folder below the root, without '..'")
    return path


def publish(target: Place, fill: Callable[[Path], None]) -> bool:
    """Let `fill` write the files of `target`, manifest included; False when it was complete already."""
    return folder.publish(target, fill) if isinstance(target, Path) else objects.publish(target, fill)


def is_complete(place: Place) -> bool:
    """Whether a run has finished writing `place`."""
    return folder.is_complete(place) if isinstance(place, Path) else objects.is_complete(place)


def folders_in(parent: Place) -> list[str]:
    """Names of the folders in `parent`, sorted, complete or not."""
    return folder.folders_in(parent) if isinstance(parent, Path) else objects.folders_in(parent)


def remove(target: Place) -> None:
    """Remove a folder with all that it has."""
    if isinstance(target, Path):
        folder.remove(target)
    else:
        objects.remove(target)


def read_manifest(source: Place) -> dict[str, Any]:
    """The manifest of a complete place. Raises FolderError when there is none."""
    return folder.read_manifest(source) if isinstance(source, Path) else objects.read_manifest(source)


@contextmanager
def local(source: Place) -> Generator[Path]:
    """A complete place as a folder that can be opened, for as long as the block lasts."""
    if isinstance(source, Path):
        yield source
    else:
        with objects.copied(source) as copy:
            yield copy
