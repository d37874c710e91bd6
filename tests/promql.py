"""What a PromQL expression reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import promql_parser


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """The selectors in an expression, each a series' name with its matchers. ValueError when it is no PromQL."""
    return list(_below(promql_parser.parse(expression)))


def series(expression: str) -> set[str]:
    """Names of the series that an expression reads; a selector without a name stands for itself."""
    return {found.name or found.prettify() for found in selectors(expression)}


def _below(node: Any) -> Iterator[promql_parser.VectorSelector]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        if (inner := getattr(node, part, None)) is not None:
            yield from _below(inner)
    for argument in getattr(node, "args", None) or ():
        yield from _below(argument)
