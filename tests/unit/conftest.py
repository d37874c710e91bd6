"""Fixtures of the unit tests: Pulumi without an engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.recorder import Deployed, deploy


@pytest.fixture
def pulumi_program() -> Callable[..., Deployed]:
    """`pulumi_program(program, stack=…)` runs a program and gives back what it registered and returned."""
    return deploy
