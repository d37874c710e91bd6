"""Quantities as the API server keeps them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.quantities import canonical_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1", "1"),
        ("1000m", "1"),
        ("0.5", "500m"),
        (".25", "250m"),
        ("1.", "1"),
        ("+2", "2"),
        ("1500m", "1500m"),
        ("1000", "1k"),
        ("2500", "2500"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("1Gi", "1Gi"),
        ("2048Gi", "2Ti"),
        ("1073741824", "1073741824"),
        ("1000M", "1G"),
        ("512Ki", "512Ki"),
        ("0.5Ki", "512"),
        ("0.5Mi", "512Ki"),
        ("1e3", "1e3"),
        ("1000e0", "1e3"),
        ("2E3", "2e3"),
        ("0", "0"),
        ("0Gi", "0"),
        ("0.0000000001", "1n"),
    ],
)
def test_canonical_quantity(text: str, canonical: str) -> None:
    assert canonical_quantity(text) == canonical
    assert canonical_quantity(canonical) == canonical


@given(st.integers(1, 10**7), st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "e-3"]))
def test_the_value_stays(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    assert parse_quantity(canonical_quantity(text)) == parse_quantity(text)


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1gi", "one", "1e"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        canonical_quantity(text)
