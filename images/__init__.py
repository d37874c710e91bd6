"""Sample workloads, and the name of a version of each: a digest of all that its Dockerfile puts into it.

Standard library only: the Pulumi program imports this on every preview.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

#: The build context of every image: `docker build --file images/<name>/Dockerfile images`.
CONTEXT = Path(__file__).parent
_DIGITS = 12

# What .dockerignore keeps out of an image, or what only names where packages come from: wheels/ is filled by a build
# without a network, and the lock, not the .in file, says what is installed.
_LEFT_OUT = frozenset({"__pycache__", "wheels", "requirements.in"})

# COPY and its sources, but not COPY --from, which takes them from another stage or image.
_COPY = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)
_ENTRY_POINT = re.compile(r"^ENTRYPOINT (\[.+\])$", re.MULTILINE)


def sample_images() -> tuple[str, ...]:
    """Names of the sample images, sorted: the folders here that have a Dockerfile."""
    return tuple(sorted(path.parent.name for path in CONTEXT.glob("*/Dockerfile")))


def content_tag(name: str) -> str:
    """The tag of sample image `name`: 12 hex digits that change when, and only when, what goes into it does.

    Raises LookupError for a name that is not in `sample_images()`.
    """
    if name not in sample_images():
        raise LookupError(f"no sample image {name!r}: images/ has {', '.join(sample_images())}")
    return files_digest(CONTEXT, image_files(CONTEXT, name))[:_DIGITS]


def pinned(name: str, package: str) -> str:
    """The version of a Python package in sample image `name`. Raises LookupError when its lock has none."""
    lock = (CONTEXT / name / "requirements.lock").read_text(encoding="utf-8")
    if (found := re.search(rf"^{re.escape(package)}(?:\[[^]]*\])?==(\S+)", lock, re.MULTILINE)) is None:
        raise LookupError(f"images/{name}/requirements.lock has no {package}")
    return found[1]


def entry_point(name: str) -> tuple[str, ...]:
    """The entry point of sample image `name`, for what starts its program in another way than the image does."""
    (words,) = _ENTRY_POINT.findall((CONTEXT / name / "Dockerfile").read_text(encoding="utf-8"))
    return tuple(json.loads(words))


def image_files(context: Path, name: str) -> tuple[Path, ...]:
    """Files of an image, relative to the build context and sorted: its Dockerfile and what this copies.

    Left out: hidden files and folders, `__pycache__`, `wheels` and `requirements.in`.
    """
    dockerfile = Path(name, "Dockerfile")
    copied = _COPY.findall((context / dockerfile).read_text(encoding="utf-8"))
    roots = [path for sources in copied for source in sources.split() for path in context.glob(source)]
    files = {dockerfile, *(path.relative_to(context) for root in roots for path in _walk(root))}
    return tuple(sorted(files, key=Path.as_posix))


def files_digest(context: Path, files: Iterable[Path]) -> str:
    """SHA-256, in hex, over relative path, executable bit and bytes of files of a build context.

    Times, owners, other mode bits and the order of the directory entries do not count. A symbolic link counts
    as its target's path, as a container build copies it.
    """
    digest = hashlib.sha256()
    for file in files:
        path = context / file
        if path.is_symlink():
            kind, content = b"link", os.fsencode(path.readlink())
        else:
            kind = b"executable" if path.stat().st_mode & 0o100 else b"file"
            content = path.read_bytes()
        # Each part is preceded by its length, so that no two contexts give the same stream of bytes.
        for part in (file.as_posix().encode(), kind, content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _walk(path: Path) -> list[Path]:
    if path.name.startswith(".") or path.name in _LEFT_OUT:
        return []
    if path.is_dir() and not path.is_symlink():
        return [file for child in path.iterdir() for file in _walk(child)]
    return [path]
