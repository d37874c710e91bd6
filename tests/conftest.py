"""The embedded cluster of the tests: the `test` instance, which shares only tools and images with `make up`."""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.proof import marker

if TYPE_CHECKING:
    from tests.embedded import EmbeddedCluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a real cluster come last, so that a fault which a unit test finds is seen first.

    And the one that destroys the platform after all that need it. What each proves is noted in its report.
    """
    for item in items:
        marker.note(item)
    items.sort(
        key=lambda item: (
            bool(item.get_closest_marker("cluster") or item.get_closest_marker("e2e")),
            item.path.name == "test_destroy.py",
        )
    )
    if platform.system() == "Linux" and os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="the embedded cluster needs Linux and root")
    for item in items:
        if item.get_closest_marker("cluster") or item.get_closest_marker("e2e"):
            item.add_marker(skip)


def pytest_configure() -> None:
    """Modules stay: nothing of what is imported could be collected."""
    gc.disable()


def pytest_collection_finish() -> None:
    """The SDKs of Pulumi are a million objects, which every full collection would look at: half of a graph's time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedCluster]:
    """A running embedded cluster with a Pulumi on an empty stack; nothing of it is left after the tests."""
    from tests.embedded import running

    with running("test", Path(__file__).parent / "e2e" / "Pulumi.test.yaml") as cluster:
        yield cluster
