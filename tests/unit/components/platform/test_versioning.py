"""Versions: what counts, what does not, and that they are the same everywhere."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.platform.versioning import MUTABLE_JOB_FIELDS, canonical_json, job_version, version_of

ROOT = Path(__file__).parents[4]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: Any) -> Any:
    """The same value with the keys of all dictionaries in the opposite order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(JSON)
def test_the_order_of_keys_does_not_count(value: Any) -> None:
    assert version_of(shuffled(value)) == version_of(value)


@given(JSON, JSON)
def test_different_recipes_have_different_versions(one: Any, other: Any) -> None:
    same = canonical_json(one) == canonical_json(other)
    assert (version_of(one) == version_of(other)) is same


def test_the_order_of_lists_counts() -> None:
    assert version_of({"args": ["a", "b"]}) != version_of({"args": ["b", "a"]})


@given(JSON)
def test_a_version_is_v_and_ten_hex_digits(value: Any) -> None:
    assert re.fullmatch(r"v[0-9a-f]{10}", version_of(value))


def test_a_version_is_the_same_in_every_process() -> None:
    recipe = {"image": "trainer:1", "args": ["train"], "äöü": {"b": 1, "a": [True, None, "ß"]}}
    program = f"from components.platform.versioning import version_of; print(version_of({recipe!r}))"
    for seed in ("0", "1"):
        found = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        # The digits are SHA-256 over the canonical JSON, so they hold for every machine and Python too.
        assert found.stdout.strip() == version_of(recipe) == "va88c316a81"


@pytest.mark.parametrize("value", [{1, 2}, object(), math.nan, b"bytes"])
def test_what_has_no_stable_hash_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        version_of({"value": value})


@pytest.mark.parametrize("field", sorted(MUTABLE_JOB_FIELDS))
def test_what_a_living_job_can_change_makes_no_new_version(field: str) -> None:
    spec = {"template": {"spec": {"containers": []}}}
    assert job_version({**spec, field: 1}) == job_version({**spec, field: 2}) == job_version(spec)


@pytest.mark.parametrize("field", ["template", "completion_mode", "pod_failure_policy", "completions"])
def test_what_a_living_job_cannot_change_makes_a_new_version(field: str) -> None:
    assert job_version({field: 1}) != job_version({field: 2})


def test_the_context_counts() -> None:
    assert job_version({}, model="a") != job_version({}, model="b")
