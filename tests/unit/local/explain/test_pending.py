"""Why a pod waits or was never made, in words that say what to change."""

from typing import Any

import pytest

from local.explain.pending import Snapshot, lacks_pods, refusals, why_refused, why_unscheduled

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


BORNE = {"tolerations": [GPU_TOLERATION]}
NODES = [node("plain"), gpu_node("a100-0"), gpu_node("a100-1", "4")]


@pytest.mark.parametrize(
    ("waiting", "why"),
    [
        (pod(gpus="9", spec=BORNE), "asks for 9 nvidia.com/gpu; the largest node has 8 (a100-0)"),
        (pod(cpu="64"), "asks for 64 cpu; the largest node has 8 (plain)"),
        (pod(memory="64Gi"), "asks for 64Gi memory; the largest node has 32Gi (plain)"),
        (pod(part="1", spec=BORNE), "asks for 1 nvidia.com/mig-1g.5gb, which no node offers"),
        (
            pod(part="1", spec={**BORNE, "nodeSelector": {"ml-platform/node-pool": "a100"}}),
            "asks for 1 nvidia.com/mig-1g.5gb, which no node of pool a100 offers",
        ),
        (pod(spec={"nodeSelector": {"ml-platform/node-pool": "h100"}}), "there is no node of pool h100"),
        (pod(spec={"nodeSelector": {"disk": "ssd"}}), "there is no node of label disk=ssd"),
        (
            pod(gpus="1"),
            "the nodes that would do (a100-0, a100-1) keep it away: "
            "they are for work that asks for GPUs, with a toleration of nvidia.com/gpu",
        ),
        # Nothing is known to be in the way: the scheduler's own words.
        (pod(cpu="1"), RAW),
        (pod(gpus="8", spec=BORNE), RAW),
    ],
)
def test_why_an_empty_cluster_does_not_take_a_pod(waiting: dict[str, Any], why: str) -> None:
    assert why_unscheduled(waiting, Snapshot(nodes=NODES, pods=[waiting]), RAW) == why


def test_what_others_have_is_not_free() -> None:
    waiting = pod(gpus="6", spec=BORNE)
    others = [pod("a100-0", "Running", gpus="3"), pod("a100-0", "Pending", gpus="2")]
    cluster = Snapshot(nodes=[gpu_node("a100-0")], pods=[waiting, *others])
    assert why_unscheduled(waiting, cluster, RAW) == "asks for 6 nvidia.com/gpu; no node has more free than 3 (a100-0)"
    # What has ended has given its GPUs back.
    ended = Snapshot(nodes=[gpu_node("a100-0")], pods=[waiting, pod("a100-0", "Succeeded", gpus="8")])
    assert why_unscheduled(waiting, ended, RAW) == RAW


def test_nodes_of_another_team() -> None:
    nodes = [gpu_node(f"vip-{number}", taints=(GPU_TAINT, TEAM_TAINT)) for number in range(5)]
    why = "the nodes that would do (vip-0, vip-1, vip-2 and 2 more) keep it away: they are dedicated to team vision"
    assert why_unscheduled(pod(gpus="1", spec=BORNE), Snapshot(nodes=nodes, pods=[]), RAW) == why
    own = {"tolerations": [GPU_TOLERATION, {"key": "ml-platform/team", "value": "vision", "effect": "NoSchedule"}]}
    assert why_unscheduled(pod(gpus="1", spec=own), Snapshot(nodes=nodes, pods=[]), RAW) == RAW
    everything = {"tolerations": [{"operator": "Exists"}]}
    assert why_unscheduled(pod(gpus="1", spec=everything), Snapshot(nodes=nodes, pods=[]), RAW) == RAW


def test_a_taint_of_ones_own() -> None:
    nodes = [
        node("x", taints=[{"key": "maintenance", "effect": "NoExecute"}, {"key": "a", "effect": "PreferNoSchedule"}])
    ]
    why = "the nodes that would do (x) keep it away: taint maintenance"
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
    waiting = pod(spec={**BORNE, "affinity": {"nodeAffinity": required}})
    why = why_unscheduled(waiting, Snapshot(nodes=[gpu_node("a100-0")], pods=[]), RAW)
    assert (why == RAW) is chosen
    assert chosen or why == f"there is no node of ml-platform/node-pool in {values}"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (
            'Error creating: pods "x-1" is forbidden: exceeded quota: quota, requested: requests.nvidia.com/gpu=9, '
            "used: requests.nvidia.com/gpu=2, limited: requests.nvidia.com/gpu=4",
            "asks for 9 nvidia.com/gpu, and of the 4 that quota quota has, 2 are in use",
        ),
        (
            "exceeded quota: quota, requested: pods=1,requests.cpu=2, used: pods=3,requests.cpu=8, "
            "limited: pods=3,requests.cpu=8",
            "asks for 1 pods, and of the 3 that quota quota has, 3 are in use; "
            "asks for 2 cpu, and of the 8 that quota quota has, 8 are in use",
        ),
        (
            'PodResourceClaim gpu: create ResourceClaim : resourceclaims "x" is forbidden: exceeded quota: '
            "quota, requested: gpu.nvidia.com.deviceclass.resource.k8s.io/devices=2, "
            "used: gpu.nvidia.com.deviceclass.resource.k8s.io/devices=3, "
            "limited: gpu.nvidia.com.deviceclass.resource.k8s.io/devices=4",
            "asks for 2 gpu.nvidia.com devices, and of the 4 that quota quota has, 3 are in use",
        ),
        (
            'Error creating: pods "x" is forbidden: no PriorityClass with name gold was found',
            "there is no PriorityClass gold; add it under priorities, or name another",
        ),
        (
            'Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged '
            '(container "c" must not set securityContext.privileged=true)',
            'the namespace takes only pods that pass restricted: privileged (container "c" must not set '
            "securityContext.privileged=true)",
        ),
        ('Error creating: pods "x" is forbidden: something else', "something else"),
        ("Error creating: out of luck", "out of luck"),
    ],
)
def test_why_the_api_server_refuses_pods(message: str, why: str) -> None:
    assert why_refused(message) == why


@pytest.mark.parametrize(
    ("kind", "spec", "status", "lacks"),
    [
        ("Job", {}, {}, True),
        ("Job", {}, {"active": 1}, False),
        ("Job", {"suspend": True}, {}, False),
        ("Job", {}, {"conditions": [{"type": "Complete", "status": "True"}]}, False),
        ("Job", {}, {"conditions": [{"type": "Failed", "status": "False"}]}, True),
        ("ReplicaSet", {"replicas": 2}, {"replicas": 1}, True),
        ("ReplicaSet", {"replicas": 2}, {"replicas": 2}, False),
        ("ReplicaSet", {"replicas": 0}, {}, False),
        ("Pod", {}, {"phase": "Pending"}, True),
        ("Pod", {"nodeName": "a"}, {"phase": "Pending"}, False),
        ("Pod", {}, {"phase": "Failed"}, False),
    ],
)
def test_which_workloads_lack_pods(kind: str, spec: dict[str, Any], status: dict[str, Any], lacks: bool) -> None:
    assert lacks_pods({"kind": kind, "spec": spec, "status": status}) is lacks


def test_the_last_refusal_of_each_workload_counts() -> None:
    def event(uid: str, message: str, time: str, reason: str = "FailedCreate") -> dict[str, Any]:
        return {"reason": reason, "message": message, "lastTimestamp": time, "involvedObject": {"uid": uid}}

    jobs: list[dict[str, Any]] = [
        {"kind": "Job", "metadata": {"uid": uid}, "spec": {}, "status": {}} for uid in ("a", "b", "c")
    ]
    jobs[1]["status"] = {"active": 1}
    events = [
        event("a", "new", "2026-11-22T12:00:05Z"),
        event("a", "old", "2026-11-22T12:00:00Z"),
        event("b", "over", "2026-11-22T12:00:00Z"),
        event("c", "fine", "2026-11-22T12:00:00Z", reason="SuccessfulCreate"),
    ]
    assert refusals(jobs, events) == [(jobs[0], "new")]
