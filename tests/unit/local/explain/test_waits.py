"""What a waiting `make up` says, on any cluster."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from local.explain import waits
from local.explain.unscheduled import Snapshot
from local.progress import Step
from local.waiting import wait_until

NOBODY = Snapshot(nodes=[], pods=[])


def claim(name: str = "models", phase: str = "Pending") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "demo"}, "status": {"phase": phase}}


def event(reason: str, message: str = "", name: str = "models", kind: str = "PersistentVolumeClaim") -> dict[str, Any]:
    return {
        "involvedObject": {"kind": kind, "name": name, "namespace": "demo"},
        "reason": reason,
        "message": message,
    }


REFUSED = 'failed to provision volume with StorageClass "standard":\n  NodePath only supports ReadWriteOnce'


@pytest.mark.parametrize(
    ("claims", "events", "line"),
    [
        ([], [], ""),
        ([claim()], [], ""),
        ([claim()], [event("WaitForFirstConsumer", "waiting for first consumer")], ""),
        ([claim(phase="Bound")], [event("ProvisioningFailed", REFUSED)], ""),
        ([claim()], [event("ProvisioningFailed", REFUSED, name="others")], ""),
        ([claim()], [event("ProvisioningFailed", REFUSED, kind="Pod")], ""),
        (
            [claim("datasets", "Bound"), claim()],
            [event("ProvisioningFailed", REFUSED)],
            'volume claim demo/models: failed to provision volume with StorageClass "standard": '
            "NodePath only supports ReadWriteOnce",
        ),
    ],
)
def test_a_claim_that_cannot_be_bound_is_named(
    claims: list[dict[str, Any]], events: list[dict[str, Any]], line: str
) -> None:
    assert waits.claim_line(claims, events) == line


def pod(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "digits-1", "namespace": "demo", **metadata},
        "spec": {"containers": [{}]},
        "status": status,
    }


def waiting(reason: str) -> dict[str, Any]:
    return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": reason, "message": "m"}}}]}


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (pod({"phase": "Running"}), ""),
        (pod(waiting("ContainerCreating")), ""),
        (pod(waiting("ErrImagePull")), "pod demo/digits-1: ErrImagePull: m"),
        (pod(waiting("ErrImagePull") | {"phase": "Failed"}), ""),
        (pod(waiting("ErrImagePull"), deletionTimestamp="2026-11-28T10:00:00Z"), ""),
    ],
)
def test_a_pod_that_cannot_start_is_named(found: dict[str, Any], line: str) -> None:
    assert waits.pod_line(NOBODY, [found]) == line


def test_a_cluster_that_does_not_answer_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_words: Any, **_more: Any) -> None:
        raise subprocess.TimeoutExpired("kubectl", 20)

    monkeypatch.setattr(subprocess, "run", silent)
    assert waits.wait_line({}, queued=True) == ""


def test_a_waiting_step_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "INTERVAL_SECONDS", 0.01)
    step = Step("pulumi up")
    with waits.explained(step, lambda: "pod demo/digits-1: ErrImagePull"):
        wait_until(lambda: step.note, 5)
    assert step.note == "pod demo/digits-1: ErrImagePull"
