"""Work by schedule: cron's five fields and a time zone, as a CronJob takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Rule, rule, shown
from stacks.language.types import text_of

# The values that each field of a schedule may have, and the names that stand for some.
_CRON_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of the week", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_CRON_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")


def check_schedule(value: object) -> str:
    """Five fields of cron as Kubernetes takes them, or one of its short names."""
    text = text_of(value, "a schedule")
    remedy = 'write minute, hour, day of the month, month and day of the week, such as "0 3 * * *"'
    if text in ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"):
        return text
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError(f"{shown(value)} has {len(fields)} fields and not five; {remedy}")
    for field, (name, low, high, names) in zip(fields, _CRON_FIELDS, strict=True):
        for part in field.split(","):
            if not _is_cron_part(part, low, high, names):
                raise ValueError(f"{shown(value)}: {part!r} is no {name} from {low} to {high}; {remedy}")
    return text


def _is_cron_part(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    match = _CRON_PART.fullmatch(part)
    if match is None or match["step"] == "0" or (match["first"] == "*" and match["last"]):
        return False
    said = [word for word in (match["first"], match["last"]) if word not in (None, "*")]
    numbers = [low + names.index(word.lower()) if word.lower() in names else word for word in said]
    if any(not str(number).isdecimal() or not low <= int(number) <= high for number in numbers):
        return False
    return sorted(numbers, key=int) == numbers


def check_time_zone(value: object) -> str:
    text = text_of(value, "a time zone")
    if text not in available_timezones():
        raise ValueError(f'{shown(value)} is not a time zone; write one of the IANA database, such as "Europe/Berlin"')
    return text


CronSchedule = Annotated[str, Rule("schedule", check_schedule, "five fields of cron: `0 3 * * *`")]
TimeZone = Annotated[str, Rule("time zone", check_time_zone, "a name of the IANA database: `Europe/Berlin`")]


class ScheduleKeys(ConfigModel):
    """The keys of an entry that runs by schedule."""

    schedule: CronSchedule | None = Field(
        default=None, description="When Jobs run, as for a CronJob. A run that is due while another one runs waits."
    )
    time_zone: TimeZone | None = Field(
        default=None, description="Time zone of `schedule`. Default: that of the cluster, usually UTC."
    )

    @rule("schedule")
    def _zone_of_a_schedule(self) -> Iterator[Fault]:
        if self.time_zone is not None and self.schedule is None:
            yield Fault(path=("timeZone",), message="means nothing without a schedule; add schedule:, or remove it")
