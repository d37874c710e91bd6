"""Events as one JSON object a line on standard output, which any log collector can read."""

import json
from datetime import UTC, datetime


def log(event: str, **fields: object) -> None:
    """Print one event with its fields."""
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(json.dumps({"time": time, "event": event, **fields}), flush=True)
