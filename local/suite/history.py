"""When code changed last, as git knows it."""

import math
import subprocess
from collections.abc import Iterable
from pathlib import Path

from local.paths import ROOT
from local.suite.groups import Group
from local.suite.schedule import Change


def changes(groups: Iterable[Group], root: Path = ROOT) -> list[Change]:
    """When the code or the tests of each group changed last."""
    return [Change(group=group, at=changed_at((*group.tests, *group.code), root)) for group in groups]


def changed_at(pathspecs: Iterable[str], root: Path = ROOT) -> float:
    """Seconds since 1970; infinite for what is not committed, 0 where git knows nothing of these paths."""
    paths = ("--", *pathspecs)
    if _git(root, "status", "--porcelain", *paths):
        return math.inf
    return float(_git(root, "log", "-1", "--format=%ct", *paths) or 0)


def commit(root: Path = ROOT) -> str:
    """The commit that is checked out, with `+` where files differ from it; empty without a history."""
    head = _git(root, "rev-parse", "HEAD")
    return f"{head}+" if head and _git(root, "status", "--porcelain") else head


def turn(root: Path = ROOT) -> int:
    """A number that each commit has another of."""
    return int(_git(root, "rev-parse", "HEAD") or "0", 16)


def _git(root: Path, *words: str) -> str:
    """What git answers; nothing when it fails."""
    try:
        done = subprocess.run(["git", *words], cwd=root, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
