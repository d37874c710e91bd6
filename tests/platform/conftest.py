"""One embedded cluster with every platform service on it, for all tests of the platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded import EmbeddedCluster

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def platform() -> Iterator[EmbeddedCluster]:
    """The stack of `Pulumi.test.yaml`, deployed, with the objects of `cluster.yaml` there before it.

    A test changes what is its own, and leaves the stack as it found it.
    """
    from local import locking
    from local.node import EmbeddedNode
    from local.paths import INSTANCES, LOCAL

    # The same instance as that of the other cluster tests: they are another run of pytest (`local/suite.py`).
    with locking.or_fail(LOCAL / "test.lock", "this checkout's test cluster"):
        try:
            cluster = EmbeddedCluster.start(HERE / "Pulumi.test.yaml")
        except BaseException:
            EmbeddedNode(INSTANCES["test"], {}).stop()  # its folder stays: the message names a log there
            raise
        try:
            cluster.kubectl("apply", "-f", str(HERE / "cluster.yaml"))
            cluster.up()
            yield cluster
        finally:
            cluster.stop()
