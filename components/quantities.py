"""Kubernetes quantities ("500m", "1Gi"): as exact numbers, as people write them, and as the API server keeps them.

The grammar is that of `k8s.io/apimachinery/pkg/api/resource`: a decimal number and at most one suffix, which
is a binary one (Ki … Ei), a decimal one (n, u, m, k, M … E) or a decimal exponent (e3, E-2).

The API server answers `1024Mi` with `1Gi`. A program that keeps sending `1024Mi` looks changed after every
`pulumi refresh`, and a Job whose pod template looks changed is run again. So objects carry the canonical form.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:(?P<binary>[KMGTPE]i)|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]+))?"
)
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_SUFFIXES = {
    **{suffix: Fraction(1024) ** power for power, suffix in enumerate(_BINARY)},
    **{suffix: Fraction(10) ** power for power, suffix in _DECIMAL.items()},
}
# The API server keeps a quantity in 64 bits. Longer texts are refused before they become numbers: an exponent
# of nine digits would fill the memory.
_LARGEST = 2**63 - 1
_LONGEST_TEXT = 40
_LARGEST_EXPONENT = 30


def _match(text: str) -> re.Match[str]:
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is None:
        raise ValueError("not a Kubernetes quantity")
    return match


def _value(match: re.Match[str]) -> Fraction:
    exponent = int(match["exponent"] or 0)
    if abs(exponent) > _LARGEST_EXPONENT:
        raise ValueError("too large or too small for a Kubernetes quantity")
    suffix = match["binary"] or match["decimal"] or ""
    value = Fraction(match["number"].rstrip(".")) * _SUFFIXES[suffix] * Fraction(10) ** exponent
    if abs(value) > _LARGEST:
        raise ValueError("too large for a Kubernetes quantity (at most 2^63-1)")
    return value


def parse_quantity(text: str) -> Fraction:
    """The exact value of a quantity: cores for CPU, bytes for memory. ValueError if the text is not a quantity."""
    return _value(_match(text))


def format_cpu(cores: Fraction) -> str:
    """Cores as a quantity a person would write: "3", "2350m". Rounded up to a whole millicore."""
    millicores = math.ceil(cores * 1000)
    return f"{millicores}m" if millicores % 1000 else str(millicores // 1000)


def format_bytes(size: Fraction) -> str:
    """Bytes as a quantity with the largest suffix of Mi, Gi and Ti that divides it. Rounded up to MiB."""
    mebibytes = math.ceil(size / 1024**2)
    for power, suffix in ((2, "Ti"), (1, "Gi")):
        if mebibytes and mebibytes % 1024**power == 0:
            return f"{mebibytes // 1024**power}{suffix}"
    return f"{mebibytes}Mi"


def canonical_quantity(text: str) -> str:
    """The same quantity as the API server writes it: `1Gi` for `1024Mi`, `500m` for `0.5`, `1k` for `1000`.

    The rules are those of `CanonicalizeBytes` in `k8s.io/apimachinery/pkg/api/resource`: no fraction, the largest
    suffix of the quantity's own kind. Raises ValueError for what is not a quantity.
    """
    match = _match(text)
    value = _value(match)
    if match["binary"] and value.denominator == 1 and abs(value) >= 1024:
        power = next(power for power in range(len(_BINARY) - 1, -1, -1) if value.numerator % 1024**power == 0)
        return f"{value.numerator // 1024**power}{_BINARY[power]}"
    digits, power = _thousands(value)
    if match["exponent"]:
        return f"{digits}e{power}" if power else str(digits)
    return f"{digits}{_DECIMAL[power]}"


def canonical_quantities(quantities: Mapping[str, str]) -> dict[str, str]:
    """Quantities by resource name, each in the API server's form."""
    return {name: canonical_quantity(quantity) for name, quantity in quantities.items()}


def _thousands(value: Fraction) -> tuple[int, int]:
    """Integer and power of ten, the power a multiple of three between -9 and 18 and as large as it can be.

    What is smaller than a billionth is rounded up, away from zero, as the API server does.
    """
    billionths = value * 10**9
    digits = -(-abs(billionths) // 1) * (-1 if value < 0 else 1)
    power = -9
    while digits and digits % 1000 == 0 and power < max(_DECIMAL):
        digits, power = digits // 1000, power + 3
    return (digits, power) if digits else (0, 0)
