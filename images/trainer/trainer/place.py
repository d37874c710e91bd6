"""Where data and models are: in a folder of a volume, or of a bucket."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import folder, objects
from .objects import ObjectFolder

Place = Path | ObjectFolder


def place_of(text: str) -> Place:
    """The place that a variable names. Raises ValueError with what it must be."""
    if objects.is_object_uri(text):
        return ObjectFolder.parse(text)
    path = Path(text).absolute()
    if ".." in path.parts or not path.name:
        raise ValueError("it must be a folder below the root, without '..'")
    return path


def publish(target: Place, fill: Callable[[Path], None]) -> bool:
    """Let `fill` write the files of `target`, manifest included; False when it was complete already."""
    return folder.publish(target, fill) if isinstance(target, Path) else objects.publish(target, fill)


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
