"""When the work of this process was due, for a Job that a schedule made."""

import re
from datetime import UTC, datetime

# CronJobs name their Jobs after themselves and the scheduled time, in minutes since 1970.
_JOB = re.compile(r".+-(\d{8,10})")


def due(job: str) -> datetime | None:
    """The scheduled time of a Job, by its name; None for one that somebody made by hand."""
    match = _JOB.fullmatch(job)
    return datetime.fromtimestamp(int(match[1]) * 60, UTC) if match else None
