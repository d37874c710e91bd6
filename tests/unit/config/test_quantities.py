"""Kubernetes quantities: the grammar and its exact values, as apimachinery's own tests have them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.quantities import format_bytes, format_cpu, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1", 1),
        ("+1", 1),
        ("-1", -1),
        ("100m", Fraction(1, 10)),
        ("1u", Fraction(1, 10**6)),
        ("1n", Fraction(1, 10**9)),
        ("1.5", Fraction(3, 2)),
        ("1.", 1),
        (".5", Fraction(1, 2)),
        ("2k", 2000),
        ("2M", 2 * 10**6),
        ("2G", 2 * 10**9),
        ("2T", 2 * 10**12),
        ("2P", 2 * 10**15),
        ("2E", 2 * 10**18),
        ("2Ki", 2048),
        ("1.5Gi", 3 * 2**29),
        ("1Ti", 2**40),
        ("1Pi", 2**50),
        ("7Ei", 7 * 2**60),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E-3", Fraction(1, 1000)),
        ("1e+2", 100),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_what_kubernetes_takes(text: str, value: int | Fraction):
    assert parse_quantity(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "m", "Gi", "1 Gi", "1Kb", "1ki", "1K", "1GB", "1gi", "1e", "e3", "1e3Gi", "1mm", "0x10", "1,5"),
        *("1_000", "١", "--1", "1.2.3", ".", "NaN", "inf"),
        *("8Ei", "9223372036854775808", "1e99", "1e-99", "1e999999999", "9" * 50),
    ],
)
def test_what_kubernetes_refuses(text: str):
    with pytest.raises(ValueError, match="Kubernetes quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("cores", "text"),
    [(Fraction(2), "2"), (Fraction("2.35"), "2350m"), (Fraction("0.0001"), "1m"), (Fraction(0), "0")],
)
def test_cpu_for_people(cores: Fraction, text: str):
    assert format_cpu(cores) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(2**30, "1Gi"), (3 * 2**29, "1536Mi"), (2**41, "2Ti"), (1, "1Mi"), (10**9, "954Mi"), (0, "0Mi")],
)
def test_bytes_for_people(size: int, text: str):
    assert format_bytes(Fraction(size)) == text


@given(st.fractions(min_value=0, max_value=10**6))
def test_formatted_amounts_are_never_less_than_what_they_stand_for(amount: Fraction):
    # They are what an error tells people to write: a smaller one would be refused again.
    assert parse_quantity(format_cpu(amount)) >= amount
    assert parse_quantity(format_bytes(amount)) >= amount
