"""`kind: pytorch` on real pods: three workers train together, lose one, fail with a reason, and go without a trace."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embedded import EmbeddedCluster, running, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


TEAM = "vision"
WORKERS = "jobset.sigs.k8s.io/jobset-name"


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    with running("platform", Path(__file__).parent / "pytorch" / "Pulumi.test.yaml") as started:
        started.up()
        yield started


def training(cluster: EmbeddedCluster) -> Any:
    return cluster.outputs()["teams"][TEAM]["training"]["detector"]


def manifest(cluster: EmbeddedCluster) -> Any:
    """The manifest of the model that is served."""
    words = ("exec", "-n", TEAM, "deployment/detector", "--", "sh", "-c")
    return json.loads(cluster.kubectl(*words, 'cat "$MODEL_ROOT/$MODEL_NAME/$MODEL_VERSION/manifest.json"').stdout)


def change(environment: Any, **keys: Any) -> None:
    environment["teams"][0]["training"][0].update(keys)


@pytest.mark.proves("training/pytorch", "trains a model with a manifest")
@pytest.mark.proves("training/pytorch", "waits in its team's queue")
def test_a_gang_trains_a_model_that_is_served(cluster: EmbeddedCluster) -> None:
    made = training(cluster)
    assert made["workload"]["kind"] == "TrainJob"
    written = manifest(cluster)
    assert (written["name"], written["version"]) == ("detector", made["model"]["version"])
    assert written["metrics"]["accuracy"] >= 0.97
    (workload,) = [
        found
        for found in cluster.get("workloads.kueue.x-k8s.io", "-n", TEAM)["items"]
        if found["metadata"]["ownerReferences"][0]["kind"] == "TrainJob"
    ]
    # The gang was admitted as one, with all of its pods.
    assert [pods["count"] for pods in workload["spec"]["podSets"]] == [3]
    assert any(one["type"] == "Finished" and one["status"] == "True" for one in workload["status"]["conditions"])


@pytest.mark.proves("training/pytorch", "a second up and a refresh change nothing")
def test_nothing_drifts(cluster: EmbeddedCluster) -> None:
    cluster.up("--expect-no-changes")
    cluster.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    cluster.up("--expect-no-changes")


def logs(cluster: EmbeddedCluster, job: str) -> list[dict[str, Any]]:
    """The lines of the first worker, from its last start."""
    selector = f"{WORKERS}={job},batch.kubernetes.io/job-completion-index=0"
    done = cluster.kubectl("logs", "-n", TEAM, "-l", selector, "--tail=-1", ok=False)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.proves("training/pytorch", "resumes from its checkpoint after it lost a pod")
def test_a_lost_worker_costs_no_finished_epoch(cluster: EmbeddedCluster) -> None:
    before = {job["metadata"]["name"] for job in cluster.get("trainjobs", "-n", TEAM)["items"]}
    result: list[Any] = []

    def slow(environment: Any) -> None:
        change(environment, rerun="slow", args=["train", "--epoch-seconds", "0.5"])

    with cluster.changed_config(slow):
        update = threading.Thread(target=lambda: result.append(cluster.up(ok=False)))
        update.start()
        try:

            def started() -> str:
                names = {job["metadata"]["name"] for job in cluster.get("trainjobs", "-n", TEAM)["items"]} - before
                return names.pop() if names else ""

            job = wait_for("the new training is there", started, 120)
            wait_for(
                "epochs were trained, and a checkpoint written",
                lambda: any(line["event"] == "checkpoint written" for line in logs(cluster, job)),
                180,
            )
            victim = f"{WORKERS}={job},batch.kubernetes.io/job-completion-index=1"
            cluster.kubectl("delete", "pod", "-n", TEAM, "-l", victim, "--grace-period=0", "--force")
            resumed = wait_for(
                "all workers started again, from the checkpoint",
                lambda: [line["epoch"] for line in logs(cluster, job) if line["event"] == "resuming"],
                180,
            )
            assert resumed[0] >= 1
        finally:
            update.join(600)
    assert result, "pulumi up did not end"
    assert result[0].returncode == 0, result[0].stdout + result[0].stderr
    epochs = [line["epoch"] for line in logs(cluster, job) if line["event"] == "progress"]
    assert min(epochs) == resumed[0] + 1
    assert manifest(cluster)["metrics"]["accuracy"] >= 0.97


@pytest.mark.proves("training/pytorch", "a failure ends up with the program's own message")
def test_a_wrong_program_fails_up_with_its_own_message(cluster: EmbeddedCluster) -> None:
    def wrong(environment: Any) -> None:
        change(environment, rerun="wrong", retries=0, args=["train", "--nonsense"])

    with cluster.changed_config(wrong):
        done = cluster.up(ok=False)
        ended = time.time()
        assert done.returncode != 0
        told = done.stdout + done.stderr
        assert "TrainJob vision/detector-" in told
        assert "exit code 64" in told
        assert "--nonsense" in told
        failed = max(
            condition["lastTransitionTime"]
            for job in cluster.get("trainjobs", "-n", TEAM)["items"]
            for condition in job["status"].get("conditions", [])
            if condition["type"] == "Failed"
        )
        at = time.mktime(time.strptime(failed, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        assert ended - at < 20
        # The server of the model goes on with the version that it has.
        assert manifest(cluster)["metrics"]["accuracy"] >= 0.97
    cluster.up()


@pytest.mark.proves("training/pytorch", "destroy leaves nothing")
def test_destroy_leaves_nothing(cluster: EmbeddedCluster) -> None:
    cluster.run("destroy", "--yes", "--skip-preview")
    assert cluster.kubectl("get", "namespace", TEAM, ok=False).returncode != 0
    left = cluster.kubectl("get", "trainjobs,jobsets", "-A", "-o", "name", ok=False)
    assert not left.stdout.strip()
