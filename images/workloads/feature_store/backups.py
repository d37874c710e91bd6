"""Backups: what all replicas keep, as one folder of a storage, complete or not there."""

import http.client
import json
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..common import place
from ..common.folder import MANIFEST, FolderError
from ..common.log import log, timestamp
from .app import owner_of
from .settings import BackupSettings

ROWS = "entities.ndjson"
# Lines sent at a time: below what a replica takes in one request.
_BATCH_BYTES = 1024 * 1024
_SECONDS = 60.0


class ReplicaError(Exception):
    """A replica that does not answer; the message says which and why."""


def backup(settings: BackupSettings) -> str:
    """Make a backup and remove those beyond the newest `keep`; its name."""
    name = timestamp().replace(":", "").lower()
    target = settings.folder / name

    def fill(folder: Path) -> None:
        count, digest = 0, sha256()
        with (folder / ROWS).open("wb") as file:
            for peer in settings.peers:
                for line in _lines(peer):
                    file.write(line)
                    digest.update(line)
                    count += 1
        manifest = {
            "name": name,
            "created": timestamp(),
            "entities": count,
            "replicas": len(settings.peers),
            "sha256": digest.hexdigest(),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest))

    if not place.publish(target, fill):
        raise FolderError(f"{target} exists: another backup was made in the same second")
    for old in complete(settings)[: -settings.keep]:
        place.remove(settings.folder / old)
        log("removed an old backup", backup=old)
    return name


def restore(settings: BackupSettings) -> tuple[str, int]:
    """Write the entities of a backup into the replicas that keep them now; its name, and how many there are.

    Entities that came after the backup stay.
    """
    known = complete(settings)
    name = known[-1] if settings.chosen == "latest" and known else settings.chosen
    if name not in known:
        raise FolderError(f"there is no backup {name!r} in {settings.folder}: {', '.join(known) or 'there is none'}")
    with place.local(settings.folder / name) as folder:
        content = (folder / ROWS).read_bytes()
        manifest = place.read_manifest(settings.folder / name)
        if sha256(content).hexdigest() != manifest.get("sha256"):
            raise FolderError(f"{settings.folder / name} is damaged: its content has another digest than its manifest")
    batches: dict[int, list[bytes]] = {}
    lines = content.splitlines(keepends=True)
    for line in lines:
        batches.setdefault(owner_of(json.loads(line)["entity"], len(settings.peers)), []).append(line)
    for owner, batch in batches.items():
        for body in _bodies(batch):
            _ask(f"{settings.peers[owner]}/v1/import", body)
    return name, len(lines)


def complete(settings: BackupSettings) -> list[str]:
    """The names of the complete backups, the oldest first."""
    return [name for name in place.folders_in(settings.folder) if place.is_complete(settings.folder / name)]


def _bodies(lines: list[bytes]) -> Iterator[bytes]:
    body = b""
    for line in lines:
        if body and len(body) + len(line) > _BATCH_BYTES:
            yield body
            body = b""
        body += line
    yield body


def _lines(peer: str) -> Iterator[bytes]:
    """What a replica keeps, an entity a line."""
    try:
        with urllib.request.urlopen(f"{peer}/v1/export", timeout=_SECONDS) as answer:  # noqa: S310
            yield from answer
    except (OSError, http.client.HTTPException) as error:
        raise ReplicaError(f"{peer} does not answer: {error}") from None


def _ask(url: str, body: bytes) -> Any:
    asked = urllib.request.Request(url, data=body, headers={"Content-Type": "application/x-ndjson"})  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:  # noqa: S310
            return json.load(answer)
    except (OSError, http.client.HTTPException) as error:
        raise ReplicaError(f"{url} does not answer: {error}") from None
