"""`@pytest.mark.proves(part, feature, by=level)`: what a test shows, noted in its report.

Without `by` it is a real run for a test with real containers (`e2e`), the API server for others on a cluster
(`cluster`), and mocks for all that need none.
"""

from __future__ import annotations

import json

import pytest

from local.suite.results import NAME, PROOF
from tests.proof.features import API_SERVER, LEVELS, MOCKS, PARTS, REAL_RUN


def level_of(item: pytest.Item) -> str:
    """The level of a test that does not say it."""
    if item.get_closest_marker("e2e"):
        return REAL_RUN
    return API_SERVER if item.get_closest_marker("cluster") else MOCKS


def proofs(item: pytest.Item) -> list[tuple[str, str, str]]:
    """What a test proves: part, feature, level. UsageError for one that the table of features does not have."""
    found: list[tuple[str, str, str]] = []
    for marker in item.iter_markers("proves"):
        part, feature = marker.args
        level = marker.kwargs.get("by", level_of(item))
        if part not in PARTS or feature not in PARTS[part].features or level not in LEVELS:
            raise pytest.UsageError(
                f"{item.nodeid} proves {part!r}, {feature!r} by {level!r}: tests/proof/features.py has no such row"
            )
        found.append((part, feature, level))
    return found


def note(item: pytest.Item) -> None:
    """Write the test's name and what it proves into its report."""
    item.user_properties.append((NAME, item.nodeid))
    item.user_properties += [(PROOF, json.dumps(proof)) for proof in proofs(item)]
