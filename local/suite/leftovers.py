"""What a killed test run leaves: its cluster, whose processes, mounts and interfaces outlive it."""

import shutil

from local import locking
from local.node.embedded import EmbeddedNode
from local.paths import INSTANCES, LOCAL, TEST_INSTANCES


def stop_test_clusters() -> list[str]:
    """Stop the clusters of tests that nobody runs any more; returns what is still there of them."""
    left: list[str] = []
    for name in TEST_INSTANCES:
        instance = INSTANCES[name]
        with locking.if_free(LOCAL / f"{name}.lock") as free:
            if free and instance.folder.exists():
                node = EmbeddedNode(instance, {})
                node.stop()
                left += node.leftovers()
                shutil.rmtree(instance.folder, ignore_errors=True)
    return left
