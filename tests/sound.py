"""Sound stacks for tests."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from stacks.checks import check

M = TypeVar("M", bound=BaseModel)


def sound(model: type[M], value: Any) -> M:
    """The model of a value that has no fault."""
    result, faults = check(model, value)
    assert result is not None, faults
    return result
