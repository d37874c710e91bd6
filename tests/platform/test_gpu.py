"""GPUs on simulated nodes: who lands on them, who waits and why, and who makes way.

The nodes are kwok's, the scheduler and the API server are real ones. Pods are made by hand where the config would
refuse what they ask for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from components.gpu.claims import QUOTA, claim_spec
from components.gpu.daemons import NAMESPACE
from components.gpu_resources import DEVICE_CLASS, GPU, PRESENT_LABEL
from components.labels import INSTANCE_LABEL
from components.placement import POOL_LABEL, team_toleration
from components.platform.exceptions import exception_for
from components.priorities.names import PREEMPTIBLE, SERVING
from local.addons.simulated import SimulatedPool, published_devices
from local.explain.refused import refusals
from local.explain.unscheduled import Snapshot
from local.explain.waits import waiting_reason
from tests.embedded import EmbeddedCluster, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

RED, BLUE = "gpu-red", "gpu-blue"
MARK = {"test": "gpu"}
GPU_TOLERATION = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
OWN = [GPU_TOLERATION, dict(team_toleration(RED))]


@pytest.fixture(autouse=True)
def no_pods_are_left(platform: EmbeddedCluster) -> Iterator[None]:
    yield
    for namespace in (RED, BLUE):
        platform.kubectl(
            *("delete", "replicasets,pods,resourceclaimtemplates", "--namespace", namespace, "--selector", "test=gpu"),
            *("--grace-period=0", "--force"),
        )


def pod(name: str, *, namespace: str = RED, ask: Mapping[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod that passes `restricted`; nothing of it has to run on a simulated node."""
    resources = {"cpu": "10m", "memory": "16Mi", **(ask or {})}
    container: dict[str, Any] = {
        "name": "main",
        "image": "localhost/ml-platform/nothing:1",
        "imagePullPolicy": "Never",
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    if "resourceClaims" in spec:
        container["resources"] |= {"claims": [{"name": claim["name"]} for claim in spec["resourceClaims"]]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": MARK},
        "spec": {
            "containers": [container],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            **spec,
        },
    }


def on_pool(pool: str) -> dict[str, Any]:
    return {"nodeSelector": {POOL_LABEL: pool}, "tolerations": OWN}


def apply(platform: EmbeddedCluster, *objects: dict[str, Any]) -> None:
    platform.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def pods(platform: EmbeddedCluster, namespace: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in platform.get("pods", "-n", namespace)["items"]}


def nodes_of(platform: EmbeddedCluster, *names: str, namespace: str = RED) -> list[str]:
    """The nodes of pods, once the scheduler has placed all of them."""

    def placed() -> list[str]:
        known = pods(platform, namespace)
        found = [known[name]["spec"].get("nodeName", "") for name in names if name in known]
        return found if len(found) == len(names) and all(found) else []

    return wait_for(f"a node for each of {', '.join(names)}", placed, 60)


def waits(platform: EmbeddedCluster, name: str, namespace: str = RED) -> str:
    """Why a pod waits, as `make status` says it, once the scheduler has found no node."""

    def found() -> str:
        cluster = Snapshot(nodes=platform.get("nodes")["items"], pods=platform.get("pods", "-A")["items"])
        mine = next(one for one in cluster.pods if one["metadata"]["name"] == name)
        assert mine["metadata"]["namespace"] == namespace
        assert "nodeName" not in mine["spec"], "it was placed"
        return waiting_reason(mine, cluster)

    return wait_for(f"a reason why {name} waits", found, 60)


@pytest.mark.proves("gpu", "each GPU node has a device plugin and a DCGM exporter")
def test_the_daemons_run_on_the_gpu_nodes_and_nowhere_else(platform: EmbeddedCluster) -> None:
    nodes = {one["metadata"]["name"]: one["metadata"]["labels"] for one in platform.get("nodes")["items"]}
    with_gpus = {name for name, labels in nodes.items() if labels.get(PRESENT_LABEL) == "true"}
    assert {"gpu-whole-0", "gpu-whole-1", "gpu-sliced-0", "gpu-mig-0"} <= with_gpus < set(nodes)

    def running() -> list[Any]:
        found = list(pods(platform, NAMESPACE).values())
        ready = len(found) == 2 * len(with_gpus) and all(one["status"]["phase"] == "Running" for one in found)
        return found if ready else []

    instances = {name: set[str]() for name in with_gpus}
    for one in wait_for("the daemons of all GPU nodes", running, 90):
        instances[one["spec"]["nodeName"]].add(one["metadata"]["labels"][INSTANCE_LABEL])
        # No daemon is below `restricted` without a reason on the list.
        assert exception_for(NAMESPACE, one["metadata"]["ownerReferences"][0]["name"])
    own = ("gpu-sliced", "gpu-mig")
    for name, found in instances.items():
        pool = nodes[name][POOL_LABEL]
        plugin = f"nvidia-device-plugin-{pool}" if pool in own else "nvidia-device-plugin"
        assert found == {plugin, "dcgm-exporter-gpu"}, name


@pytest.mark.proves("serving/deployment", "runs on a GPU pool, spread over its hosts")
def test_a_server_runs_on_the_pool_of_its_team_spread_as_it_says(platform: EmbeddedCluster) -> None:
    servers = [one for name, one in pods(platform, RED).items() if name.startswith("ranked-")]
    assert sorted(one["spec"]["nodeName"] for one in servers) == ["gpu-whole-0", "gpu-whole-1"]
    assert {(one["spec"]["priorityClassName"], one["spec"]["priority"]) for one in servers} == {(SERVING, 100_000)}
    budget = platform.get("poddisruptionbudget", "ranked", "-n", RED)
    assert budget["status"]["expectedPods"] == 2


@pytest.mark.proves("gpu", "nodes are dedicated to a team")
def test_a_dedicated_pool_keeps_others_out(platform: EmbeddedCluster) -> None:
    borne = {"nodeSelector": {POOL_LABEL: "gpu-whole"}, "tolerations": [GPU_TOLERATION]}
    other = {"nodeSelector": {POOL_LABEL: "gpu-whole"}, "tolerations": [GPU_TOLERATION, dict(team_toleration(BLUE))]}
    apply(
        platform,
        pod("own", ask={GPU: "1"}, **on_pool("gpu-whole")),
        pod("stranger", namespace=BLUE, ask={GPU: "1"}, **borne),
        pod("with-its-own-toleration", namespace=BLUE, ask={GPU: "1"}, **other),
    )
    assert nodes_of(platform, "own")[0] in ("gpu-whole-0", "gpu-whole-1")
    for name in ("stranger", "with-its-own-toleration"):
        why = "does not tolerate the taints of the nodes that fit (gpu-whole-0, gpu-whole-1): dedicated to team gpu-red"
        assert waits(platform, name, BLUE) == why


@pytest.mark.proves("gpu", "GPU nodes take GPU work and nothing else")
def test_gpu_work_lands_on_gpu_nodes_and_other_work_never_does(platform: EmbeddedCluster) -> None:
    plain = [f"plain-{number}" for number in range(12)]
    apply(
        platform,
        *(pod(name, namespace=BLUE) for name in plain),
        pod("gpu-work", namespace=BLUE, ask={GPU: "1"}, tolerations=[GPU_TOLERATION]),
    )
    assert set(nodes_of(platform, *plain, namespace=BLUE)) == {platform.node.name}
    (node,) = nodes_of(platform, "gpu-work", namespace=BLUE)
    labels = platform.get("node", node)["metadata"]["labels"]
    assert labels[PRESENT_LABEL] == "true"
    # Not on those of team red, although they have room.
    assert "ml-platform/team" not in labels


@pytest.mark.proves("gpu", "a pod that waits says why")
def test_nine_gpus_wait_and_say_why(platform: EmbeddedCluster) -> None:
    apply(
        platform,
        pod("nine", ask={GPU: "9"}, tolerations=OWN),
        pod("forgetful", ask={GPU: "1"}),
        pod("elsewhere", ask={GPU: "1"}, nodeSelector={POOL_LABEL: "h100"}, tolerations=OWN),
    )
    assert waits(platform, "nine").startswith("requests 9 nvidia.com/gpu; the largest node has 8 (a100-0)")
    assert "nvidia.com/gpu, for pods that request GPUs" in waits(platform, "forgetful")
    assert waits(platform, "elsewhere") == "there is no node in pool h100"


@pytest.mark.proves("gpu", "time-slicing: slices are resources that quotas count")
@pytest.mark.proves("gpu", "MIG: partitions are resources that quotas count")
@pytest.mark.proves("teams", "quotas limit what a team asks for")
def test_slices_and_partitions_are_resources_of_their_own_and_quotas_count_them(platform: EmbeddedCluster) -> None:
    part = "nvidia.com/mig-1g.5gb"
    apply(
        platform,
        pod("slice", ask={"nvidia.com/gpu.shared": "1"}, tolerations=OWN),
        pod("part", ask={part: "1"}, tolerations=OWN),
    )
    assert nodes_of(platform, "slice", "part") == ["gpu-sliced-0", "gpu-mig-0"]
    template = pod("x", ask={part: "4"}, tolerations=OWN)
    apply(
        platform,
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "too-many", "namespace": RED, "labels": MARK},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "too-many"}},
                "template": {"metadata": {"labels": {**MARK, "app": "too-many"}}, "spec": template["spec"]},
            },
        },
    )

    def refused() -> list[str]:
        sets = platform.get("replicasets", "-n", RED)["items"]
        return [why for _, why in refusals(sets, platform.get("events", "-n", RED)["items"])]

    why = f"requests 4 {part}; quota quota allows 4 in the namespace, of which 1 are used"
    assert wait_for("the refusal of the quota", refused, 60) == [why]


@pytest.mark.proves("gpu", "servers take the place of preemptible work")
def test_a_server_takes_the_place_of_preemptible_work(platform: EmbeddedCluster) -> None:
    # One GPU of each node is a server's already.
    low = {f"preemptible-{number}": pod(f"preemptible-{number}", ask={GPU: "7"}) for number in range(2)}
    for one in low.values():
        one["spec"] |= {**on_pool("gpu-whole"), "priorityClassName": PREEMPTIBLE}
    apply(platform, *low.values())
    assert sorted(nodes_of(platform, *low)) == ["gpu-whole-0", "gpu-whole-1"]
    late = pod("preemptible-late", ask={GPU: "7"}, priorityClassName=PREEMPTIBLE, **on_pool("gpu-whole"))
    apply(platform, late)
    assert (
        waits(platform, "preemptible-late") == "requests 7 nvidia.com/gpu; no node has more than 0 free (gpu-whole-0)"
    )

    apply(platform, pod("server", ask={GPU: "7"}, priorityClassName=SERVING, **on_pool("gpu-whole")))
    (node,) = nodes_of(platform, "server")
    left = wait_for("the end of one", lambda: sorted(low.keys() & pods(platform, RED).keys()), 60)
    assert len(left) == 1
    assert pods(platform, RED)[left[0]]["spec"]["nodeName"] != node
    # The servers that were there have kept their places.
    assert sum(name.startswith("ranked-") for name in pods(platform, RED)) == 2


@pytest.mark.proves("gpu", "claims (DRA) get devices of one node")
def test_gpus_by_claim(platform: EmbeddedCluster) -> None:
    """Dynamic resource allocation: what the DRA driver would publish is simulated, the allocation is real."""
    pool = SimulatedPool(
        name="gpu-whole", count=2, gpus=8, instance_type="p4d.24xlarge", product=None, offers={}, devices=2
    )
    published = published_devices([pool])
    templates = [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaimTemplate",
            "metadata": {"name": f"gpus-{number}", "namespace": RED, "labels": MARK},
            "spec": claim_spec(number),
        }
        for number in (2, 3)
    ]
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "claims", "namespace": RED},
        "spec": {"hard": {QUOTA: "8"}},
    }
    try:
        apply(platform, *published, *templates, quota)
        for number in (2, 3):
            claim = {"name": "gpu", "resourceClaimTemplateName": f"gpus-{number}"}
            apply(platform, pod(f"claims-{number}", resourceClaims=[claim], tolerations=OWN))
        (node,) = nodes_of(platform, "claims-2")
        assert node in pool.nodes
        claims = {
            one["metadata"]["ownerReferences"][0]["name"]: one.get("status", {}).get("allocation")
            for one in platform.get("resourceclaims", "-n", RED)["items"]
        }
        results = claims["claims-2"]["devices"]["results"]
        assert {(one["driver"], one["pool"]) for one in results} == {(DEVICE_CLASS, node)}
        assert {one["device"] for one in results} == {"gpu-0", "gpu-1"}
        # No node publishes three.
        assert "cannot allocate all claims" in waits(platform, "claims-3")
        used = wait_for("the count of the quota", lambda: quota_used(platform, "claims"), 30)
        assert used == "5"
    finally:
        platform.kubectl("delete", "resourcequota", "claims", "-n", RED, "--ignore-not-found")
        names = [f"{one['kind'].lower()}/{one['metadata']['name']}" for one in published]
        platform.kubectl("delete", "--ignore-not-found", *names)


def quota_used(platform: EmbeddedCluster, name: str) -> str:
    return platform.get("resourcequota", name, "-n", RED).get("status", {}).get("used", {}).get(QUOTA, "")
