"""What `make status` says of a pod."""

from __future__ import annotations

from typing import Any

import pytest

from local.commands.status import gpus, pod_state, programs_line
from local.explain.unscheduled import Snapshot
from local.explain.waits import waiting_reason

UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
        }
    ],
}
PULLING = {
    "phase": "Pending",
    "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}],
}
CRASHED = {
    "phase": "Failed",
    "containerStatuses": [{"state": {"terminated": {"reason": "Error", "exitCode": 78}}}],
}
RUNNING = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [{"state": {"running": {}}}],
}
DONE = {"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"reason": "Completed", "exitCode": 0}}}]}


@pytest.mark.parametrize(
    ("status", "state", "why"),
    [
        (UNSCHEDULABLE, "Pending", "Insufficient nvidia.com/gpu"),
        (PULLING, "Pending", "ImagePullBackOff: no such image"),
        (CRASHED, "Failed", "Error: exit code 78"),
        (RUNNING, "Running", ""),
        (RUNNING | {"conditions": [{"type": "Ready", "status": "False"}]}, "Running, not ready", ""),
        (DONE, "Succeeded", ""),
    ],
)
def test_the_state_of_a_pod_and_why(status: dict[str, Any], state: str, why: str) -> None:
    pod = {"metadata": {}, "spec": {"containers": [{}]}, "status": status}
    nobody = Snapshot(nodes=[], pods=[])
    assert pod_state(pod) == state
    assert why in waiting_reason(pod, nobody)
    assert bool(why) == bool(waiting_reason(pod, nobody))


@pytest.mark.parametrize(
    ("resources", "shown"),
    [
        ({"cpu": "8", "nvidia.com/gpu": "8"}, "8"),
        ({"nvidia.com/gpu": "0", "nvidia.com/gpu.shared": "16"}, "16 gpu.shared"),
        ({"nvidia.com/mig-1g.5gb": "3", "nvidia.com/mig-4g.20gb": "1"}, "3 mig-1g.5gb, 1 mig-4g.20gb"),
        ({"cpu": "8"}, ""),
    ],
)
def test_the_gpus_of_a_node(resources: dict[str, str], shown: str) -> None:
    assert gpus(resources) == shown


def test_the_line_on_the_programs_names_what_does_not_run() -> None:
    assert programs_line({"etcd": "RUNNING", "kubelet": "RUNNING"}) == "all 2 programs run"
    assert programs_line({"etcd": "RUNNING", "kubelet": "FATAL"}) == "kubelet FATAL; 'make up' repairs it"
    assert "make up" in programs_line({})
