"""What the environment says, read once."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..common.buckets import ObjectFolder, is_object_uri

# A name is one part of a path: no separator, and not "..".
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class SettingsError(Exception):
    """A wrong environment; the message names the variable, what is wrong and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which model to serve, and how.

    `retry_seconds`: pause between two attempts to load the model.
    `stall_seconds`: how long a client may pause while it sends a body or takes an answer.
    `drain_seconds`: how long the server may take to end after SIGTERM, half of it for clients that have not heard of
    it and half for requests in flight; below the pod's grace period.
    `quiet_seconds`: so long without a new connection after SIGTERM, and its clients have found another server.
    `drain_file`: while it exists, the server is not ready and closes each connection after its response.
    """

    model_name: str
    model_version: str
    model_root: Path | ObjectFolder = Path("/models")
    host: str = "0.0.0.0"  # noqa: S104  a pod is reached on its own address
    port: int = 8080
    threads: int = 8
    retry_seconds: float = 1.0
    stall_seconds: float = 10.0
    drain_seconds: int = 20
    quiet_seconds: float = 2.0
    drain_file: Path = Path("/tmp/draining")  # noqa: S108  the pod's own emptyDir

    @property
    def folder(self) -> Path | ObjectFolder:
        """Folder of the model version, of a volume or of a bucket."""
        return self.model_root / self.model_name / self.model_version


def from_environ(environ: Mapping[str, str]) -> Settings:
    """Settings from MODEL_NAME and MODEL_VERSION, which must be there, and from the optional

    MODEL_ROOT, HOST, PORT, THREADS, RETRY_SECONDS, STALL_SECONDS, DRAIN_SECONDS, QUIET_SECONDS and DRAIN_FILE.
    """
    return Settings(
        model_name=_name(environ, "MODEL_NAME"),
        model_version=_name(environ, "MODEL_VERSION"),
        model_root=_place(environ, "MODEL_ROOT", Path("/models")),
        host=environ.get("HOST", Settings.host),
        port=int(_number(environ, "PORT", Settings.port, low=0, high=65535)),
        threads=int(_number(environ, "THREADS", Settings.threads, low=1, high=256)),
        retry_seconds=_number(environ, "RETRY_SECONDS", Settings.retry_seconds, low=0.05, high=3600, whole=False),
        stall_seconds=_number(environ, "STALL_SECONDS", Settings.stall_seconds, low=0.1, high=3600, whole=False),
        drain_seconds=int(_number(environ, "DRAIN_SECONDS", Settings.drain_seconds, low=0, high=3600)),
        quiet_seconds=_number(environ, "QUIET_SECONDS", Settings.quiet_seconds, low=0, high=3600, whole=False),
        drain_file=_path(environ, "DRAIN_FILE", Settings.drain_file),
    )


def _name(environ: Mapping[str, str], key: str) -> str:
    value = environ.get(key, "")
    if not _NAME.fullmatch(value):
        problem = f"is {value!r}" if value else "is not set"
        raise SettingsError(f"{key} {problem}: it must be letters, digits, '.', '_' and '-', not a '.' first")
    return value


def _place(environ: Mapping[str, str], key: str, default: Path) -> Path | ObjectFolder:
    if not is_object_uri(environ.get(key, "")):
        return _path(environ, key, default)
    try:
        return ObjectFolder.parse(environ[key])
    except ValueError as error:
        raise SettingsError(f"{key} is {environ[key]!r}: {error}") from None


def _path(environ: Mapping[str, str], key: str, default: Path) -> Path:
    path = Path(environ.get(key, str(default)))
    if not path.is_absolute():
        raise SettingsError(f"{key} is {environ[key]!r}: it must be an absolute path")
    return path


def _number(
    environ: Mapping[str, str], key: str, default: float, *, low: float, high: float, whole: bool = True
) -> float:
    text = environ.get(key, str(default))
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise SettingsError(f"{key} is {text!r}: it must be a {'whole ' if whole else ''}number from {low} to {high}")
    return value
