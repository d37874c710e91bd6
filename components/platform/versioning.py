"""Versions: a hash of what a Job runs. A changed recipe is a new version, an unchanged one is not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGITS = 10  # 40 bits: a clash among 10,000 versions of one entry has a chance of 1 in 20,000

# Kubernetes lets these be changed on a Job that exists; all else of a Job's spec is immutable once it is
# created.
MUTABLE_JOB_FIELDS = frozenset({"active_deadline_seconds", "backoff_limit", "suspend", "ttl_seconds_after_finished"})


def canonical_json(value: object) -> str:
    """JSON that is the same for equal values: sorted keys, no spaces, ASCII only, no NaN.

    Raises TypeError for what JSON cannot hold (an Output, a set): such a value has no hash that is stable.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def version_of(recipe: object) -> str:
    """`v` and ten hex digits of the recipe's SHA-256. The order in lists counts, that of keys does not."""
    return "v" + hashlib.sha256(canonical_json(recipe).encode("ascii")).hexdigest()[:DIGITS]


def job_version(spec: Mapping[str, Any], **context: object) -> str:
    """Version of what a Job of this spec makes.

    The fields that may change on a living Job do not count: a longer deadline is no reason to train again.
    All others do, also those that do not change the result, since a Job cannot be changed in place.
    `context` is what the program depends on beside its spec, such as the name of its output.
    """
    mutable = MUTABLE_JOB_FIELDS | ({"parallelism"} if spec.get("completion_mode") == "Indexed" else frozenset())
    recipe = {key: value for key, value in spec.items() if key not in mutable}
    return version_of({"spec": recipe, **context})
