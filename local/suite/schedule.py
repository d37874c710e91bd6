"""Which group of tests is next, and whether it may begin: decisions only, nothing runs here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local.suite.groups import MOST_MINUTES, Group

#: No group begins that cannot be expected to end within this time after CI began.
BUDGET_SECONDS = 60 * 60
#: When CI is told to end (`.ci/bounded.py`), less the time that an interrupted group takes to stop its cluster.
END_SECONDS = 68 * 60
#: A group may take so many times what it took last.
SLOWER = 1.25


@dataclass(frozen=True, kw_only=True)
class Change:
    """When the code of a group changed last, as seconds since 1970; 0 where there is no history."""

    group: Group
    at: float


def order(changes: Sequence[Change], turn: int) -> list[Group]:
    """The groups by their last change, the latest first.

    Groups that changed at one time, as all of a shallow clone's have, take turns by `turn`, a number that each commit
    has another of: none of them is always the one for which no time is left.
    """
    if not changes:
        return []
    start = turn % len(changes)
    return [change.group for change in sorted([*changes[start:], *changes[:start]], key=lambda change: -change.at)]


def lacks(missing: Sequence[str]) -> str:
    """Why a group does not run whose entries of the catalog are not in the mirror; empty when all are."""
    return f"the mirror lacks {', '.join(missing)}; `make mirror` builds it" if missing else ""


def no_time(group: Group, elapsed: float, taken: Mapping[str, float]) -> str:
    """Why a group does not run for want of time; empty when it can be expected to end in time.

    `elapsed`: seconds since CI began. `taken`: what groups took in the last whole run, in seconds; one that it does
    not know may need all that a group is allowed.
    """
    expected = taken.get(group.name, MOST_MINUTES * 60) * SLOWER
    left = max(BUDGET_SECONDS - elapsed, 0)
    if expected <= left:
        return ""
    return (
        f"it needs about {expected / 60:.0f} min and {left / 60:.0f} of {BUDGET_SECONDS / 60:.0f} are left; "
        f"`make test-groups GROUPS={group.name}` runs it"
    )


def limit(elapsed: float) -> float:
    """The seconds after which a group that began `elapsed` seconds after CI is ended: it hangs, or CI has to end."""
    return max(min(2 * MOST_MINUTES * 60, END_SECONDS - elapsed), 1)
