"""Checkpoints: folders that a training writes on its way, to go on from the newest complete one."""

import json
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import folder, place
from .log import log, timestamp
from .place import Place

_NAME = re.compile(r"epoch-(\d{7})")


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Those of one training, `epoch-<n>` in a folder; without a folder, none.

    `recipe` is what the result depends on: a checkpoint of another recipe is not gone on from.
    """

    parent: Place | None
    recipe: Mapping[str, Any]

    @contextmanager
    def newest(self, event: str = "resuming") -> Generator[tuple[int, Path] | None]:
        """Epochs done and files of the newest complete checkpoint, for as long as the block lasts; None without one.

        `event` is what the log says of it.
        """
        for epoch in reversed(self.epochs()):
            at = self._at(epoch)
            if place.is_complete(at) and place.read_manifest(at).get("recipe") == self.recipe:
                log(event, epoch=epoch, checkpoint=str(at))
                with place.local(at) as copy:
                    yield epoch, copy
                return
            log("checkpoint left out: not complete, or of other data or arguments", checkpoint=str(at))
        log("no checkpoint to resume from", folder=str(self.parent) if self.parent else None)
        yield None

    def save(self, epoch: int, write: Callable[[Path], None]) -> None:
        """Let `write` write the files after `epoch` epochs, and remove older checkpoints."""
        if self.parent is None:
            return

        def fill(draft: Path) -> None:
            write(draft)
            manifest = {"created": timestamp(), "epoch": epoch, "recipe": self.recipe}
            (draft / folder.MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

        # What has this name is not complete, or of another recipe: else this run had gone on from it.
        others = self.epochs()
        if epoch in others:
            place.remove(self._at(epoch))
        place.publish(self._at(epoch), fill)
        log("checkpoint written", epoch=epoch, checkpoint=str(self._at(epoch)))
        # The one before stays: a reader may be in the middle of it.
        before = max((other for other in others if other < epoch), default=None)
        for other in others:
            if other not in (epoch, before):
                place.remove(self._at(other))

    def _at(self, epoch: int) -> Place:
        assert self.parent is not None
        return self.parent / f"epoch-{epoch:07d}"

    def epochs(self) -> list[int]:
        """After how many epochs there is a checkpoint, complete or not."""
        if self.parent is None:
            return []
        found = (_NAME.fullmatch(name) for name in place.folders_in(self.parent))
        return sorted(int(match[1]) for match in found if match)
