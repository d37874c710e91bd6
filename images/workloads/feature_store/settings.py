"""What the environment says, read once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..common.place import Place, place_of


class SettingsError(Exception):
    """A wrong environment; the message names the variable, what is wrong and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which replica this is, and who the others are.

    `data`: the folder of its volume. `peers`: the URLs of all replicas in their order; without any, it is alone.
    `replica`: its place among them. The others are those of a predictor (`workloads.predictor.settings`).
    """

    data: Path
    peers: tuple[str, ...] = ()
    replica: int = 0
    host: str = "0.0.0.0"  # noqa: S104  a pod is reached on its own address
    port: int = 8080
    threads: int = 8
    stall_seconds: float = 10.0
    drain_seconds: int = 20
    quiet_seconds: float = 2.0
    drain_file: Path = Path("/tmp/draining")  # noqa: S108  the pod's own emptyDir


@dataclass(frozen=True, kw_only=True)
class BackupSettings:
    """Where backups are, and of which replicas. `chosen`: the name of the backup to restore, or `latest`."""

    folder: Place
    peers: tuple[str, ...]
    keep: int
    chosen: str


def from_environ(environ: Mapping[str, str]) -> Settings:
    """Settings from DATA_DIR, which must be there, and from the optional PEERS, REPLICA, HOST and PORT."""
    data = Path(_required(environ, "DATA_DIR", "the folder of the volume, such as /data"))
    if not data.is_absolute():
        raise SettingsError(f"DATA_DIR is {str(data)!r}: it must be an absolute path")
    peers = tuple(filter(None, environ.get("PEERS", "").split(",")))
    # The name of a pod of a StatefulSet ends with its number.
    number = re.search(r"(\d+)$", environ.get("REPLICA", "0"))
    replica = int(number[1]) if number else -1
    if not 0 <= replica < max(len(peers), 1):
        raise SettingsError(f"REPLICA is {environ.get('REPLICA')!r}: it must end with a number below that of PEERS")
    return Settings(
        data=data,
        peers=peers,
        replica=replica,
        host=environ.get("HOST", Settings.host),
        port=_number(environ, "PORT", Settings.port, high=65535),
        drain_file=Path(environ.get("DRAIN_FILE", str(Settings.drain_file))),
    )


def backup_from_environ(environ: Mapping[str, str]) -> BackupSettings:
    """Settings from BACKUP_DIR and PEERS, which must be there, and the optional BACKUP_KEEP and BACKUP."""
    text = _required(environ, "BACKUP_DIR", "the folder of the backups, such as /backups/features")
    try:
        folder = place_of(text)
    except ValueError as error:
        raise SettingsError(f"BACKUP_DIR is {text!r}: {error}") from None
    peers = tuple(filter(None, _required(environ, "PEERS", "the URLs of the replicas").split(",")))
    return BackupSettings(
        folder=folder,
        peers=peers,
        keep=_number(environ, "BACKUP_KEEP", 7, low=1, high=1000),
        chosen=environ.get("BACKUP", "latest"),
    )


def _required(environ: Mapping[str, str], key: str, what: str) -> str:
    value = environ.get(key, "")
    if not value:
        raise SettingsError(f"{key} is not set: it must be {what}")
    return value


def _number(environ: Mapping[str, str], key: str, default: int, *, low: int = 0, high: int) -> int:
    text = environ.get(key, str(default))
    if not text.isdecimal() or not low <= int(text) <= high:
        raise SettingsError(f"{key} is {text!r}: it must be a whole number from {low} to {high}")
    return int(text)
