"""Work by schedule: cron's five fields and a time zone, as a CronJob takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Rule, did_you_mean, rule, shown
from stacks.language.types import text_of

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# What each of the five fields is called, its least and largest number, and the names of its numbers.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_MACROS = frozenset({"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"})
_PART = re.compile(r"(?P<first>\*|\?|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d{1,4}))?")
_ZONE = re.compile(r"[A-Za-z]+(?:[/_+-][A-Za-z0-9_+-]+)*")


def check_schedule(value: object) -> str:
    """What CronJobs take: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax"""
    text = text_of(value, "a schedule")
    if text in _MACROS:
        return text
    if "TZ=" in text:
        raise ValueError(f"{shown(value)} has a time zone in it; write it under timeZone")
    fields = text.split()
    if len(fields) != len(_FIELDS):
        rule = 'write minute, hour, day of the month, month and day of the week, such as "0 3 * * *"'
        raise ValueError(f"{shown(value)} is not a schedule; {rule}")
    for field, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            if not _is_part(part.lower(), low, high, names):
                named = f", or {names[0]} to {names[-1]}" if names else ""
                remedy = f"write * or numbers from {low} to {high}{named}, such as {low}, {low}-{high} or */2"
                raise ValueError(f"{shown(part)} is not a {name}; {remedy}")
    return text


def _is_part(text: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(text)
    if match is None or match["step"] == "0" * len(match["step"] or "x"):
        return False
    if match["first"] in ("*", "?"):
        return match["last"] is None
    ends = [_number(match[key], low, names) for key in ("first", "last") if match[key] is not None]
    return all(low <= end <= high for end in ends) and ends == sorted(ends)


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    """The number that a text means, -1 for none."""
    if text in names:
        return names.index(text) + low
    return int(text) if text.isdecimal() and len(text) <= 4 else -1


def check_time_zone(value: object) -> str:
    text = text_of(value, "a time zone")
    # Empty on a machine without the data base; then the API server alone says which names there are.
    known = available_timezones()
    if not _ZONE.fullmatch(text) or text == "Local" or (known and text not in known):
        hint = did_you_mean(text, known)
        raise ValueError(f"{shown(value)} is not a time zone; write its name, such as Europe/Berlin or Etc/UTC{hint}")
    return text


Cron = Annotated[
    str,
    Rule("schedule", check_schedule, "cron's five fields, or a name such as `@daily`: `0 3 * * *` is 3:00 every day"),
]
TimeZone = Annotated[str, Rule("time zone", check_time_zone, "a name of the time zone data base: `Europe/Berlin`")]


class ScheduleKeys(ConfigModel):
    """The keys of an entry that runs by schedule."""

    schedule: Cron | None = Field(
        default=None, description="When Jobs run, as for a CronJob. A run that is due while another one runs waits."
    )
    time_zone: TimeZone | None = Field(
        default=None, description="Time zone of `schedule`. Default: that of the cluster, usually UTC."
    )

    @rule("schedule")
    def _zone_of_a_schedule(self) -> Iterator[Fault]:
        if self.time_zone is not None and self.schedule is None:
            yield Fault(path=("timeZone",), message="means nothing without a schedule; add schedule:, or remove it")
