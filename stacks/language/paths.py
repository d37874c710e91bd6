"""Which parts of a stack file a check reads, as paths in which an entry stands for others.

`teams[*].name` are the names of all teams. `teams[?].name` are those of the teams that could be read: the check finds
nothing wrong because an entry is missing. `teams[i].name` is the name of one team, and the check runs for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stacks.language.faults import Path

_KEY = re.compile(r"\[[a-z]\]|[^].[]+")


def keys_of(text: str) -> Path:
    """The keys of a path, of `[i]` with the brackets."""
    return tuple(_KEY.findall(text))


def is_read(read: Path, missing: Path) -> bool:
    """Whether a check that reads one path misses what is under another, which has no wildcards."""
    if "?" in read[len(missing) - 1 :]:
        return False
    return all(key in ("*", "?", other) for key, other in zip(read, missing, strict=False))


def follows(reads: Iterable[Path], removed: Iterable[Path]) -> bool:
    """Whether a fault that was found by these reads may merely follow from what could not be read."""
    removed = tuple(removed)
    return any(is_read(read, missing) for read in reads for missing in removed)
