"""Progress as one JSON object a line on standard output, which any log collector can read."""

import json
from datetime import UTC, datetime


def timestamp() -> str:
    """Now, as RFC 3339 in UTC with whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def log(event: str, **fields: object) -> None:
    """Print one event with its fields."""
    # The line and its end at once: several processes may share an output.
    print(json.dumps({"time": timestamp(), "event": event, **fields}) + "\n", end="", flush=True)
