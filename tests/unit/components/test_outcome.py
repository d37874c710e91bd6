"""How the end of a training that an operator runs is found, and what is said of a failure."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from typing import Any

import pytest

from components.training import outcome
from components.training.engines import RAY_JOB, TF_JOB, TRAIN_JOB, EngineFacts

PROPS: dict[str, Any] = {"namespace": "demo", "name": "detector-v1", "patienceSeconds": 60}


def condition(kind: str, status: str = "True", **more: str) -> dict[str, str]:
    return {"type": kind, "status": status, **more}


def pod(*, exit_code: int = 0, **state: Any) -> dict[str, Any]:
    ended = {"terminated": {"exitCode": exit_code, **state}} if exit_code else state
    return {
        "metadata": {"name": "detector-v1-node-0-0"},
        "status": {"containerStatuses": [{"name": "node", "state": ended}]},
    }


class Cluster:
    """A cluster that shows one TrainJob in the states that it is given, one at each look."""

    def __init__(self, *states: dict[str, Any], pods: tuple[list[dict[str, Any]], ...] = ()) -> None:
        self.states = list(states)
        self.shown = list(pods)
        self.annotations: dict[str, str] = {}
        self.made: list[dict[str, Any]] = []
        self.workloads: list[dict[str, Any]] = []
        self.removed = 0
        # How often it takes no annotation, as a cluster whose webhooks are away.
        self.refusals = 0

    def find(self, wanted: dict[str, Any], _namespace: str) -> dict[str, Any] | None:
        assert (wanted["kind"], wanted["apiVersion"]) == ("TrainJob", "trainer.kubeflow.org/v1alpha1")
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        metadata: dict[str, Any] = {
            **wanted["metadata"],
            "uid": "one",
            "annotations": dict(self.annotations),
            "managedFields": [{"manager": "kueue", "operation": "Update"}, {"manager": "pulumi", "operation": "Apply"}],
        }
        spec = {"suspend": True, "runtimePatches": []} if status.get("queued") else {}
        return None if status.get("gone") else {**wanted, "metadata": metadata, "spec": spec, "status": status}

    def labelled(self, _version: str, kind: str, namespace: str, selector: str) -> list[dict[str, Any]]:
        assert namespace == "demo"
        if kind == "Workload":
            assert selector == "kueue.x-k8s.io/job-uid=one"
            return self.workloads
        assert (kind, selector) == ("Pod", "jobset.sigs.k8s.io/jobset-name=detector-v1")
        return self.shown.pop(0) if self.shown else []

    def annotate(self, _found: dict[str, Any], annotations: dict[str, str]) -> bool:
        if self.refusals > 0:
            self.refusals -= 1
            return False
        self.annotations.update(annotations)
        return True

    def remove(self, _found: dict[str, Any], _seconds: float) -> None:
        self.removed += 1

    def apply(self, wanted: dict[str, Any], _namespace: str, *, manager: str | None) -> None:
        assert manager == "pulumi"
        self.made.append(wanted)


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome.time, "sleep", lambda _seconds: None)


def follow(cluster: Cluster, **more: Any) -> None:
    outcome.follow(cluster, {**PROPS, **more}, TRAIN_JOB)  # pyright: ignore[reportArgumentType]


def test_a_training_that_completes() -> None:
    follow(Cluster({}, {"conditions": [condition("Suspended", "False")]}, {"conditions": [condition("Complete")]}))


def running(phase: str = "Running") -> dict[str, Any]:
    return {"metadata": {"name": "one"}, "status": {"phase": phase}}


def test_pulumi_shows_where_a_training_stands_whenever_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(outcome.pulumi.log, "info", said.append)
    ended = {"conditions": [condition("Complete")]}
    cluster = Cluster(
        {"queued": True},
        {"queued": True},
        {},
        {},
        {},
        ended,
        pods=([], [], [], [running("Pending"), running()], [running()] * 2),
    )
    cluster.workloads = [{"status": {"conditions": [condition("QuotaReserved", "False", message="1 more GPU needed")]}}]
    follow(cluster)
    assert said == [
        "TrainJob demo/detector-v1: waits in its queue: 1 more GPU needed",
        "TrainJob demo/detector-v1: waits for its pods",
        "TrainJob demo/detector-v1: 1 of 2 pods run",
        "TrainJob demo/detector-v1: 2 of 2 pods run",
    ]


LOST = "TFJob demo/detector-v1 has failed because 1 Worker replica(s) failed."


def test_a_lost_pod_costs_a_retry_where_the_operator_gives_up_for_it() -> None:
    lost = {"conditions": [condition("Failed", message=LOST)]}
    cluster = Cluster(lost, {}, lost, {}, {"conditions": [condition("Complete")]})
    facts = replace(TRAIN_JOB, lost=TF_JOB.lost)
    outcome.follow(cluster, {**PROPS, "retries": 2}, facts)  # pyright: ignore[reportArgumentType]
    assert (cluster.removed, len(cluster.made)) == (2, 2)
    assert cluster.annotations == {}


@pytest.mark.parametrize(("retries", "message"), [(0, LOST), (2, "it has reached the specified backoff limit")])
def test_a_failure_of_the_programs_own_costs_no_retry(retries: int, message: str) -> None:
    cluster = Cluster({"conditions": [condition("Failed", message=message)]})
    facts = replace(TRAIN_JOB, lost=TF_JOB.lost)
    with pytest.raises(RuntimeError, match=re.escape(message)):
        outcome.follow(cluster, {**PROPS, "retries": retries}, facts)  # pyright: ignore[reportArgumentType]
    assert not cluster.made


def test_a_training_that_loses_its_pod_again_and_again_fails() -> None:
    cluster = Cluster({"conditions": [condition("Failed", message=LOST)]})
    facts = replace(TRAIN_JOB, lost=TF_JOB.lost)
    with pytest.raises(RuntimeError, match="replica"):
        outcome.follow(cluster, {**PROPS, "retries": 3}, facts)  # pyright: ignore[reportArgumentType]
    assert len(cluster.made) == 3


def test_a_failure_is_told_with_its_reason_and_the_last_lines_of_the_pod_that_is_gone_by_then() -> None:
    failed = {"conditions": [condition("Failed", reason="FailedJobs", message="jobset failed")]}
    cluster = Cluster({}, failed, pods=([pod(exit_code=65, reason="Error", message="torch-trainer: no data")], []))
    with pytest.raises(RuntimeError) as failure:
        follow(cluster)
    assert str(failure.value).splitlines() == [
        "TrainJob demo/detector-v1 failed: FailedJobs: jobset failed",
        "pod detector-v1-node-0-0, container node: Error, exit code 65",
        "torch-trainer: no data",
    ]
    assert cluster.annotations == {outcome.REPORTED: "one"}


def test_a_reported_failure_is_made_again_and_another_is_not() -> None:
    cluster = Cluster({"queued": True})
    outcome._restart_reported(cluster, PROPS, TRAIN_JOB)  # pyright: ignore[reportArgumentType, reportPrivateUsage]
    assert not cluster.made
    cluster.annotations = {outcome.REPORTED: "one", "mine": "kept"}
    outcome._restart_reported(cluster, PROPS, TRAIN_JOB)  # pyright: ignore[reportArgumentType, reportPrivateUsage]
    (made,) = cluster.made
    assert cluster.removed == 1
    assert made["metadata"] == {"name": "detector-v1", "namespace": "demo", "annotations": {"mine": "kept"}}
    assert made["spec"] == {"suspend": True}
    assert "status" not in made


def test_an_object_that_is_made_again_has_nothing_of_its_queue_but_its_place_in_it() -> None:
    """The queue marks the templates again, and would refuse an object with marks of another admission."""
    label = {"app.kubernetes.io/name": "ranker"}
    marked = {**label, "kueue.x-k8s.io/podset": "chief"}
    found: dict[str, Any] = {
        "apiVersion": "kubeflow.org/v1",
        "kind": "TFJob",
        "metadata": {"name": "ranker-v1", "uid": "1", "labels": {"kueue.x-k8s.io/queue-name": "default"}},
        "spec": {
            "runPolicy": {"suspend": False},
            "tfReplicaSpecs": {"Chief": {"template": {"metadata": {"labels": marked}, "spec": {"containers": [{}]}}}},
        },
    }
    made = outcome.renewed(found)
    assert made["metadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "default"}
    template = made["spec"]["tfReplicaSpecs"]["Chief"]["template"]
    assert template == {"metadata": {"labels": label}, "spec": {"containers": [{}]}}


def test_one_that_was_deleted_is_not_waited_for() -> None:
    with pytest.raises(RuntimeError, match="was deleted while it ran"):
        follow(Cluster({}, {"gone": True}))


@pytest.mark.parametrize(
    ("state", "pods", "reason"),
    [
        ({"queued": True}, [], "it waits in its queue"),
        ({}, [pod(waiting={"reason": "ErrImagePull", "message": "no such image"})], "ErrImagePull: no such image"),
        (
            {},
            [
                {
                    "metadata": {"name": "one"},
                    "status": {
                        "conditions": [
                            condition("PodScheduled", "False", reason="Unschedulable", message="0/3 nodes have a GPU")
                        ]
                    },
                }
            ],
            "pod one: Unschedulable: 0/3 nodes have a GPU",
        ),
        ({}, [pod(running={})], "its pods run"),
    ],
)
def test_a_training_that_does_not_end_says_what_it_waits_for(
    state: dict[str, Any], pods: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(RuntimeError, match="did not end within -1 s") as failure:
        follow(Cluster(state, pods=(pods,)), patienceSeconds=-1)
    assert reason in str(failure.value)


def test_out_of_memory() -> None:
    found = outcome.container_failure(pod(exit_code=137, reason="OOMKilled"))
    assert found == "pod detector-v1-node-0-0, container node: OOMKilled, exit code 137"


LOG = "Job entrypoint command failed with exit code 64, last available logs:\nray-trainer: no data"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, None),
        ({"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}, None),
        # Between two tries, and while its queue keeps it.
        ({"jobDeploymentStatus": "Retrying", "jobStatus": "FAILED"}, None),
        ({"jobDeploymentStatus": "Suspended"}, None),
        ({"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}, ("SUCCEEDED", "")),
        # A job that somebody stopped is complete, and trained nothing.
        ({"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED", "message": "stopped"}, ("FAILED", "stopped")),
        (
            {"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "reason": "AppFailed", "message": LOG},
            ("FAILED", f"AppFailed: {LOG}"),
        ),
        (
            {"jobDeploymentStatus": "Failed", "jobStatus": "RUNNING", "reason": "DeadlineExceeded", "message": "late"},
            ("FAILED", "DeadlineExceeded: late"),
        ),
        (
            {"jobDeploymentStatus": "ValidationFailed", "reason": "ValidationFailed", "message": "name"},
            ("FAILED", "ValidationFailed: name"),
        ),
    ],
)
def test_an_object_without_conditions(status: dict[str, Any], expected: tuple[str, str] | None) -> None:
    assert outcome.ended(status, RAY_JOB) == expected


def test_of_a_long_log_the_end_is_told() -> None:
    status = {"jobDeploymentStatus": "Failed", "message": "x" * 30_000 + " the end"}
    found = outcome.ended(status, RAY_JOB)
    assert found is not None
    assert len(found[1]) == outcome.LOG_CHARACTERS
    assert found[1].endswith("the end")


@pytest.mark.parametrize("facts", [TRAIN_JOB, RAY_JOB])
def test_facts_come_back_from_the_state_as_they_were(facts: EngineFacts) -> None:
    assert outcome.facts_from(json.loads(json.dumps(asdict(facts)))) == facts


@pytest.mark.parametrize(("refusals", "marked"), [(2, True), (99, False)])
def test_a_failure_is_told_also_where_the_cluster_takes_no_mark(refusals: int, marked: bool) -> None:
    cluster = Cluster({"conditions": [condition("Failed", reason="FailedJobs")]}, pods=([pod(exit_code=65)],))
    cluster.refusals = refusals
    with pytest.raises(RuntimeError, match=r"(?s)FailedJobs.*exit code 65") as failure:
        follow(cluster)
    assert (outcome.REPORTED in cluster.annotations) is marked
    assert ("delete the TrainJob" in str(failure.value)) is not marked
