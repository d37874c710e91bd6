"""Kubernetes quantities ("500m", "1Gi") as exact numbers, so that they can be compared and summed.

The grammar is that of `k8s.io/apimachinery/pkg/api/resource`: a decimal number and at most one suffix, which
is a binary one (Ki … Ei), a decimal one (n, u, m, k, M … E) or a decimal exponent (e3, E-2).
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]+))?"
)
_SUFFIXES = {
    **{suffix: Fraction(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
    **{suffix: Fraction(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
    **{suffix: Fraction(1, 1000) ** power for power, suffix in enumerate("mun", 1)},
}
# The API server keeps a quantity in 64 bits. Longer texts are refused before they become numbers: an exponent
# of nine digits would fill the memory.
_LARGEST = 2**63 - 1
_LONGEST_TEXT = 40
_LARGEST_EXPONENT = 30


def parse_quantity(text: str) -> Fraction:
    """The exact value of a quantity: cores for CPU, bytes for memory. ValueError for what is none."""
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is None:
        raise ValueError("not a Kubernetes quantity")
    exponent = int(match["exponent"] or 0)
    if abs(exponent) > _LARGEST_EXPONENT:
        raise ValueError("too large or too small for a Kubernetes quantity")
    value = Fraction(match["number"].rstrip(".")) * _SUFFIXES.get(match["suffix"] or "", Fraction(1))
    value *= Fraction(10) ** exponent
    if abs(value) > _LARGEST:
        raise ValueError("too large for a Kubernetes quantity (at most 2^63-1)")
    return value


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
