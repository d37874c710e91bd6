"""One embedded cluster with every platform service on it, for all tests of the platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded import EmbeddedCluster, running

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def platform() -> Iterator[EmbeddedCluster]:
    """The stack of `Pulumi.test.yaml`, deployed, with the objects of `cluster.yaml` there before it.

    A test changes what is its own, and leaves the stack as it found it. Nothing is left after the tests.
    """
    with running("platform", HERE / "Pulumi.test.yaml") as cluster:
        cluster.kubectl("apply", "-f", str(HERE / "cluster.yaml"))
        cluster.up()
        yield cluster
