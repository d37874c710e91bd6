"""Why the API server refused a pod, and which workloads lack pods for it."""

from typing import Any

import pytest

from local.explain.refused import lacks_pods, refusals, why_refused


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (
            'Error creating: pods "x-1" is forbidden: exceeded quota: quota, requested: requests.nvidia.com/gpu=9, '
            "used: requests.nvidia.com/gpu=2, limited: requests.nvidia.com/gpu=4",
            "requests 9 nvidia.com/gpu; quota quota allows 4 in the namespace, of which 2 are used",
        ),
        (
            "exceeded quota: quota, requested: pods=1,requests.cpu=2, used: pods=3,requests.cpu=8, "
            "limited: pods=3,requests.cpu=8",
            "requests 1 pods; quota quota allows 3 in the namespace, of which 3 are used; "
            "requests 2 cpu; quota quota allows 8 in the namespace, of which 8 are used",
        ),
        (
            'PodResourceClaim gpu: create ResourceClaim : resourceclaims "x" is forbidden: exceeded quota: '
            "quota, requested: gpu.nvidia.com.deviceclass.resource.k8s.io/devices=2, "
            "used: gpu.nvidia.com.deviceclass.resource.k8s.io/devices=3, "
            "limited: gpu.nvidia.com.deviceclass.resource.k8s.io/devices=4",
            "requests 2 gpu.nvidia.com devices; quota quota allows 4 in the namespace, of which 3 are used",
        ),
        (
            'Error creating: pods "x" is forbidden: no PriorityClass with name gold was found',
            "there is no PriorityClass gold; add it under priorities, or name another",
        ),
        (
            'Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged '
            '(container "c" must not set securityContext.privileged=true)',
            "the namespace accepts only pods that meet the Pod Security Standard restricted: privileged "
            '(container "c" must not set securityContext.privileged=true)',
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
