"""The annotated types of a server."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import available_timezones

from stacks.language.model import Rule, shown
from stacks.language.types import text_of

# What `pulumi up` trained, or with the name of a Job what a schedule did.
_VERSION = re.compile(r"v[0-9a-f]{10}(?:-[a-z][-a-z0-9]{0,50}-[0-9]{8,10})?")


def check_version(value: object) -> str:
    text = text_of(value, "a model version")
    if not _VERSION.fullmatch(text):
        raise ValueError(f'{shown(value)} is not a model version; write "v" and ten hex digits, as the outputs show it')
    return text


def check_path(value: object) -> str:
    text = text_of(value, "a URL path")
    if not re.fullmatch(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*", text):
        raise ValueError(f'{shown(value)} is not a URL path; begin with "/", such as "/healthz"')
    return text


def check_amount(value: object) -> int | str:
    """A number of pods, or a share of them such as "25%"."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{1,3}%", value) and int(value[:-1]) <= 100:
        return value
    raise ValueError(f'{shown(value)} is not a number of pods or a percentage; write 1, or "25%"')


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


ModelVersion = Annotated[
    str,
    Rule(
        "model version",
        check_version,
        "`v` and ten hex digits, as the stack outputs show it; of a retraining, its folder",
    ),
]
UrlPath = Annotated[str, Rule("URL path", check_path, "a path that begins with `/`")]
# The union is strict, so that no "1" becomes 1.
Amount = Annotated[int | str, Rule("number or percentage", check_amount, "`1`, or `25%`")]
CronSchedule = Annotated[str, Rule("schedule", check_schedule, "five fields of cron: `0 3 * * *`")]
TimeZone = Annotated[str, Rule("time zone", check_time_zone, "a name of the IANA database: `Europe/Berlin`")]
