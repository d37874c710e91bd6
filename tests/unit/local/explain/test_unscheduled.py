"""Why a pod waits for a node, in words that say what to change."""

from typing import Any

import pytest

from local.explain.unscheduled import Snapshot, why_unscheduled

RAW = "0/3 nodes are available: 3 whatever."
GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
GPU_TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists"}
TEAM_TAINT = {"key": "ml-platform/team", "value": "vision", "effect": "NoSchedule"}


def node(name: str, pool: str = "", taints: Any = (), cordoned: bool = False, **offers: str) -> dict[str, Any]:
    allocatable = {"cpu": "8", "memory": "32Gi", **{key.replace("_", "."): value for key, value in offers.items()}}
    return {
        "metadata": {"name": name, "labels": {"ml-platform/node-pool": pool} if pool else {}},
        "spec": {"taints": list(taints), **({"unschedulable": True} if cordoned else {})},
        "status": {"allocatable": allocatable},
    }


def gpu_node(name: str, gpus: str = "8", taints: Any = (GPU_TAINT,), pool: str = "a100") -> dict[str, Any]:
    built = node(name, pool, taints)
    built["status"]["allocatable"]["nvidia.com/gpu"] = gpus
    return built


def pod(on: str = "", phase: str = "Pending", spec: dict[str, Any] | None = None, **requests: str) -> dict[str, Any]:
    named = {"gpus": "nvidia.com/gpu", "part": "nvidia.com/mig-1g.5gb"}
    asked = {named.get(key, key): value for key, value in requests.items()}
    return {
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {
            "containers": [{"resources": {"requests": asked}}],
            **({"nodeName": on} if on else {}),
            **(spec or {}),
        },
        "status": {"phase": phase},
    }


TOLERATED = {"tolerations": [GPU_TOLERATION]}
NODES = [node("plain"), gpu_node("a100-0"), gpu_node("a100-1", "4")]


@pytest.mark.parametrize(
    ("waiting", "why"),
    [
        (pod(gpus="9", spec=TOLERATED), "requests 9 nvidia.com/gpu; the largest node has 8 (a100-0)"),
        (pod(cpu="64"), "requests 64 cpu; the largest node has 8 (plain)"),
        (pod(memory="64Gi"), "requests 64Gi memory; the largest node has 32Gi (plain)"),
        (pod(part="1", spec=TOLERATED), "requests 1 nvidia.com/mig-1g.5gb, which no node has"),
        (
            pod(part="1", spec={**TOLERATED, "nodeSelector": {"ml-platform/node-pool": "a100"}}),
            "requests 1 nvidia.com/mig-1g.5gb, which no node of pool a100 has",
        ),
        (pod(spec={"nodeSelector": {"ml-platform/node-pool": "h100"}}), "there is no node in pool h100"),
        (pod(spec={"nodeSelector": {"disk": "ssd"}}), "there is no node with label disk=ssd"),
        (
            pod(gpus="1"),
            "does not tolerate the taints of the nodes that fit (a100-0, a100-1): "
            "nvidia.com/gpu, for pods that request GPUs",
        ),
        # Nothing is known to be in the way: the scheduler's own words.
        (pod(cpu="1"), RAW),
        (pod(gpus="8", spec=TOLERATED), RAW),
    ],
)
def test_why_an_empty_cluster_does_not_take_a_pod(waiting: dict[str, Any], why: str) -> None:
    assert why_unscheduled(waiting, Snapshot(nodes=NODES, pods=[waiting]), RAW) == why


def test_what_others_have_is_not_free() -> None:
    waiting = pod(gpus="6", spec=TOLERATED)
    others = [pod("a100-0", "Running", gpus="3"), pod("a100-0", "Pending", gpus="2")]
    cluster = Snapshot(nodes=[gpu_node("a100-0")], pods=[waiting, *others])
    assert why_unscheduled(waiting, cluster, RAW) == "requests 6 nvidia.com/gpu; no node has more than 3 free (a100-0)"
    # What has ended has given its GPUs back.
    ended = Snapshot(nodes=[gpu_node("a100-0")], pods=[waiting, pod("a100-0", "Succeeded", gpus="8")])
    assert why_unscheduled(waiting, ended, RAW) == RAW


def test_nodes_of_another_team() -> None:
    nodes = [gpu_node(f"vip-{number}", taints=(GPU_TAINT, TEAM_TAINT)) for number in range(5)]
    why = (
        "does not tolerate the taints of the nodes that fit (vip-0, vip-1, vip-2 and 2 more): dedicated to team vision"
    )
    assert why_unscheduled(pod(gpus="1", spec=TOLERATED), Snapshot(nodes=nodes, pods=[]), RAW) == why
    own = {"tolerations": [GPU_TOLERATION, {"key": "ml-platform/team", "value": "vision", "effect": "NoSchedule"}]}
    assert why_unscheduled(pod(gpus="1", spec=own), Snapshot(nodes=nodes, pods=[]), RAW) == RAW
    everything = {"tolerations": [{"operator": "Exists"}]}
    assert why_unscheduled(pod(gpus="1", spec=everything), Snapshot(nodes=nodes, pods=[]), RAW) == RAW


def test_a_taint_of_ones_own() -> None:
    nodes = [
        node("x", taints=[{"key": "maintenance", "effect": "NoExecute"}, {"key": "a", "effect": "PreferNoSchedule"}])
    ]
    why = "does not tolerate the taints of the nodes that fit (x): maintenance"
    assert why_unscheduled(pod(cpu="1"), Snapshot(nodes=nodes, pods=[]), RAW) == why


def test_a_cordoned_node_is_no_node() -> None:
    nodes = [node("small"), node("x", cordoned=True, cpu="64")]
    assert "the largest node has 8 (small)" in why_unscheduled(pod(cpu="32"), Snapshot(nodes=nodes, pods=[]), RAW)


@pytest.mark.parametrize(
    ("operator", "values", "chosen"),
    [("In", ["a100"], True), ("In", ["h100"], False), ("NotIn", ["a100"], False), ("Exists", [], True)],
)
def test_affinity_to_nodes_chooses_too(operator: str, values: list[str], chosen: bool) -> None:
    terms = [{"matchExpressions": [{"key": "ml-platform/node-pool", "operator": operator, "values": values}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    waiting = pod(spec={**TOLERATED, "affinity": {"nodeAffinity": required}})
    why = why_unscheduled(waiting, Snapshot(nodes=[gpu_node("a100-0")], pods=[]), RAW)
    assert (why == RAW) is chosen
    assert chosen or why == f"there is no node with ml-platform/node-pool in {values}"
