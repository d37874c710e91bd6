"""Where a training stands, in a line that people read while `pulumi up` waits for it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.training.engines import EngineFacts

Object = Mapping[str, Any]
# The label of Kueue's Workload with the UID of the object that it stands for.
JOB_UID = "kueue.x-k8s.io/job-uid"


def is_suspended(found: Object, facts: EngineFacts) -> bool:
    """Whether its queue, or a person, keeps a training from running."""
    value: Any = found["spec"]
    for key in facts.suspend.split("."):
        value = value.get(key, {})
    return value is True


def queue_reason(workloads: Sequence[Object]) -> str:
    """Why Kueue does not admit a training, in its own words; '' where it says nothing."""
    for workload in workloads:
        for condition in workload.get("status", {}).get("conditions", ()):
            if condition["type"] == "QuotaReserved" and condition["status"] == "False":
                return str(condition.get("message", ""))
    return ""


def stage(
    found: Object, facts: EngineFacts, pods: Sequence[Object], workloads: Sequence[Object], wait: str | None
) -> str:
    """`waits in its queue: …`, `2 of 3 pods run; pod … Unschedulable: …` or `3 of 3 pods run`.

    `wait` says what keeps the first of the pods from running, None where nothing does.
    """
    if is_suspended(found, facts):
        reason = queue_reason(workloads)
        return f"waits in its queue: {reason}" if reason else "waits in its queue"
    if not pods:
        return "waits for its pods"
    phases = [pod.get("status", {}).get("phase") for pod in pods]
    running = f"{phases.count('Running')} of {len(pods)} pods run"
    done = f", {ended} ended" if (ended := phases.count("Succeeded")) else ""
    return f"{running}{done}; {wait}" if wait else f"{running}{done}"
