"""Kubernetes quantities in the form in which the API server keeps them.

The API server answers `1024Mi` with `1Gi`. A program that goes on saying `1024Mi` looks changed after every
`pulumi refresh`, and a Job whose pod template looks changed is run again. So quantities are written its way at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d+))?")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_POWERS = {suffix: exponent for exponent, suffix in _DECIMAL.items() if suffix}


def canonical_quantity(text: str) -> str:
    """The same quantity as the API server writes it: `1Gi` for `1024Mi`, `500m` for `0.5`, `1k` for `1000`.

    The rules are those of `CanonicalizeBytes` in `k8s.io/apimachinery/pkg/api/resource`: no fraction, the largest
    suffix of the quantity's own kind. Raises ValueError for what is not a quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a Kubernetes quantity")
    number, binary, decimal, exponent = match.groups()
    value = Fraction(number.rstrip("."))
    if binary:
        value *= 1024 ** _BINARY.index(binary)
        if value.denominator == 1 and abs(value) >= 1024:
            return _with_binary_suffix(value.numerator)
    elif decimal:
        value *= Fraction(10) ** _POWERS[decimal]
    elif exponent:
        value *= Fraction(10) ** int(exponent)
    digits, power = _thousands(value)
    if exponent:
        return f"{digits}e{power}" if power else str(digits)
    return f"{digits}{_DECIMAL[power]}"


def canonical_quantities(quantities: Mapping[str, str]) -> dict[str, str]:
    """Quantities by resource name, each in the API server's form."""
    return {name: canonical_quantity(quantity) for name, quantity in quantities.items()}


def _with_binary_suffix(value: int) -> str:
    power = 0
    while value % 1024 == 0 and power < len(_BINARY) - 1:
        value, power = value // 1024, power + 1
    return f"{value}{_BINARY[power]}"


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
