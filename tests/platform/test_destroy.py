"""The end of a platform: nothing of it is left, even while one of its operators is down.

In a module of its own that runs last: the stack is gone after it.
"""

from __future__ import annotations

import pytest

from tests.embedded import EmbeddedCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

#: What an embedded cluster brings along itself.
NAMESPACES_OF_THE_CLUSTER = {"default", "kube-node-lease", "kube-public", "kube-system", "local-path-storage"}


def names(platform: EmbeddedCluster, *words: str) -> set[str]:
    return set(platform.kubectl("get", *words, "-o", "name").stdout.split())


@pytest.mark.proves("operations", "destroy leaves nothing, even while an operator is down", by="real run")
def test_destroy_works_while_an_operator_is_down_and_leaves_nothing(platform: EmbeddedCluster) -> None:
    definitions = names(platform, "customresourcedefinitions")
    assert any("kueue" in name for name in definitions)
    # Nobody is there to take the finalizers off the queues, or to answer for their webhooks.
    platform.kubectl("scale", "deployment", "--all", "--replicas=0", "-n", "kueue-system")
    platform.kubectl("wait", "pod", "--all", "--for=delete", "--timeout=60s", "-n", "kueue-system")
    done = platform.run("destroy", "--yes", "--skip-preview")
    assert "the operator in kueue-system does not answer" in done.stdout + done.stderr
    assert {name.removeprefix("namespace/") for name in names(platform, "namespaces")} == NAMESPACES_OF_THE_CLUSTER
    assert names(platform, "customresourcedefinitions") == set()
    ours = ("-l", "app.kubernetes.io/part-of=ml-platform")
    kinds = "clusterroles,clusterrolebindings,priorityclasses,storageclasses,persistentvolumes,deployments,daemonsets"
    assert names(platform, kinds, "--all-namespaces", *ours) == set()
    hooks = names(platform, "validatingwebhookconfigurations,mutatingwebhookconfigurations")
    assert hooks == set()
