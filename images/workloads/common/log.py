"""Progress as one JSON object a line on standard output, which any log collector can read; and times, as RFC 3339."""

import json
import re
from datetime import UTC, datetime

# CronJobs name their Jobs after themselves and the scheduled time, in minutes since 1970.
_JOB = re.compile(r".+-(\d{8,10})")


def timestamp(moment: datetime | None = None) -> str:
    """A moment, now by default, as RFC 3339 in UTC with whole seconds."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def due(job: str) -> datetime | None:
    """The scheduled time of a Job, by its name; None for one that somebody made by hand."""
    match = _JOB.fullmatch(job)
    return datetime.fromtimestamp(int(match[1]) * 60, UTC) if match else None


def log(event: str, **fields: object) -> None:
    """Print one event with its fields."""
    # The line and its end at once: several processes may share an output.
    print(json.dumps({"time": timestamp(), "event": event, **fields}) + "\n", end="", flush=True)
