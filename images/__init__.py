"""Sample workloads, and the name of a version of each: a digest of its Docker build context.

Standard library only: the Pulumi program imports this on every preview.
"""

import hashlib
import os
from pathlib import Path

_ROOT = Path(__file__).parent
_DIGITS = 12

# What a .dockerignore of this folder keeps out of an image, or what only names where packages come from:
# wheels/ is filled by a build without a network, and the lock, not the .in file, says what is installed.
_NOT_CONTEXT = frozenset({"__pycache__", "wheels", "requirements.in"})


def sample_images() -> tuple[str, ...]:
    """Names of the sample images, sorted: the folders here that have a Dockerfile."""
    return tuple(sorted(path.parent.name for path in _ROOT.glob("*/Dockerfile")))


def content_tag(name: str) -> str:
    """The tag of sample image `name`: 12 hex digits that change when, and only when, its build context does.

    Raises LookupError for a name that is not in `sample_images()`.
    """
    if name not in sample_images():
        raise LookupError(f"no sample image {name!r}: images/ has {', '.join(sample_images())}")
    return context_digest(_ROOT / name)[:_DIGITS]


def context_files(folder: Path) -> tuple[Path, ...]:
    """Files of a build context, absolute, in the order of their relative paths.

    Left out: hidden files and folders, `__pycache__`, `wheels` and `requirements.in`.
    """
    return tuple(sorted(_walk(folder), key=lambda path: path.relative_to(folder).as_posix()))


def context_digest(folder: Path) -> str:
    """SHA-256, in hex, over relative path, executable bit and bytes of every file of a build context.

    Times, owners, other mode bits and the order of the directory entries do not count. A symbolic link counts
    as its target's path, as a container build copies it.
    """
    digest = hashlib.sha256()
    for path in context_files(folder):
        if path.is_symlink():
            kind, content = b"link", os.fsencode(path.readlink())
        else:
            kind = b"executable" if path.stat().st_mode & 0o100 else b"file"
            content = path.read_bytes()
        # Each part is preceded by its length, so that no two contexts give the same stream of bytes.
        for part in (path.relative_to(folder).as_posix().encode(), kind, content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _NOT_CONTEXT:
            continue
        if path.is_dir() and not path.is_symlink():
            found.extend(_walk(path))
        else:
            found.append(path)
    return found
