"""`kind: ray` and `api: pytorchjob` on real pods: both train, lose pods, fail with a reason, and go without a trace.

Both at a time, on one cluster: the stack file is the two examples together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.embedded import EmbeddedCluster, running, wait_for
from tests.engines.gangs import Gang, assert_failure_is_told, assert_resumed, examples_together, update_beside

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ROLE, INDEX = "training.kubeflow.org/replica-type", "training.kubeflow.org/replica-index"
HEAD, WORKER = "ray.io/node-type=head", "ray.io/node-type=worker"
PROGRAM_LOG = "cat /tmp/ray/session_latest/logs/job-driver-*.log"


class RayGang(Gang):
    """What a program on Ray prints is not in the log of the head's container."""

    def events(self, job: str, event: str, selector: str = "") -> list[dict[str, Any]]:
        heads = self.pods(job, selector or self.first)
        if not heads:
            return []
        done = self.cluster.kubectl("exec", "-n", self.team, heads[0], "--", "sh", "-c", PROGRAM_LOG, ok=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def pods(self, job: str, selector: str) -> list[str]:
        """The names of pods of a job."""
        found = self.cluster.get("pods", "-n", self.team, "-l", f"{self.pod_label}={job},{selector}")["items"]
        return [pod["metadata"]["name"] for pod in found]

    def last_epoch(self, job: str) -> int:
        return max((line["epoch"] for line in self.events(job, "progress")), default=0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    with running("platform", examples_together(tmp_path_factory.mktemp("stack"), "ray.yaml", "pytorchjob.yaml")) as one:
        one.up()
        yield one


@pytest.fixture(scope="module")
def sweep(cluster: EmbeddedCluster) -> RayGang:
    return RayGang(
        cluster=cluster,
        team="tuning",
        entry="sweep",
        kind="RayJob",
        resource="rayjobs.ray.io",
        pod_label="ray.io/originated-from-cr-name",
        first=HEAD,
        victim=HEAD,
    )


@pytest.fixture(scope="module")
def detector(cluster: EmbeddedCluster) -> Gang:
    return Gang(
        cluster=cluster,
        team="vision",
        entry="detector",
        kind="PyTorchJob",
        resource="pytorchjobs.kubeflow.org",
        pod_label="training.kubeflow.org/job-name",
        first=f"{ROLE}=master",
        victim=f"{ROLE}=worker,{INDEX}=0",
    )


def check_model(gang: Gang) -> None:
    made, written = gang.output(), gang.manifest()
    assert made["workload"]["kind"] == gang.kind
    assert (written["name"], written["version"]) == (gang.entry, made["model"]["version"])
    assert written["metrics"]["accuracy"] >= 0.97


@pytest.mark.proves("training/ray", "trains a model with a manifest")
@pytest.mark.proves("training/ray", "waits in its team's queue")
def test_a_ray_cluster_trains_a_model_and_goes(sweep: RayGang) -> None:
    check_model(sweep)
    assert sweep.pod_sets() == {"head": 1, "workers": 2}
    job = sweep.output()["workload"]["name"]
    wait_for("the cluster is gone", lambda: not sweep.pods(job, HEAD) + sweep.pods(job, WORKER), 60)


@pytest.mark.proves("training/pytorchjob", "trains a model with a manifest")
@pytest.mark.proves("training/pytorchjob", "waits in its team's queue")
def test_a_master_and_workers_train_a_model(detector: Gang) -> None:
    check_model(detector)
    assert detector.pod_sets() == {"master": 1, "worker": 2}


@pytest.mark.proves("training/ray", "a second up and a refresh change nothing")
@pytest.mark.proves("training/pytorchjob", "a second up and a refresh change nothing")
def test_nothing_drifts(cluster: EmbeddedCluster) -> None:
    cluster.up("--expect-no-changes")
    cluster.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    cluster.up("--expect-no-changes")


def lose_a_worker(sweep: RayGang, job: str) -> None:
    """A worker that is lost is replaced while the program runs: it goes on where it was."""
    wait_for("a checkpoint is written", lambda: sweep.events(job, "checkpoint written"), 240)
    worker, before = sweep.pods(job, WORKER)[0], sweep.last_epoch(job)
    sweep.cluster.kubectl("delete", "pod", "-n", sweep.team, worker, "--grace-period=0", "--force")
    wait_for("it goes on", lambda: sweep.last_epoch(job) > before + 2, 240)
    assert not sweep.events(job, "resuming")


@pytest.mark.proves("training/ray", "goes on when it loses a worker")
@pytest.mark.proves("training/ray", "resumes from its checkpoint after it lost a pod")
@pytest.mark.proves("training/pytorchjob", "resumes from its checkpoint after it lost a pod")
def test_lost_pods_cost_no_finished_epoch(cluster: EmbeddedCluster, sweep: RayGang, detector: Gang) -> None:
    gangs = (sweep, detector)
    before = {gang: {job["metadata"]["name"] for job in gang.jobs()} for gang in gangs}

    def slow(environment: Any) -> None:
        sweep.change(environment, rerun="slow", args=["train", "--epoch-seconds", "2"])
        detector.change(environment, rerun="slow", args=["train", "--epoch-seconds", "1"])

    with ExitStack() as during:
        during.enter_context(cluster.changed_config(slow))
        result = during.enter_context(update_beside(cluster))
        jobs = {gang: gang.new_job(before[gang]) for gang in gangs}
        detector.lose_a_pod(jobs[detector])
        lose_a_worker(sweep, jobs[sweep])
        # The head has the program itself: the next one starts it again.
        sweep.lose_a_pod(jobs[sweep])
        (resumed,) = wait_for("Ray resumes", lambda: sweep.events(jobs[sweep], "resuming"), 300)
        assert resumed["epoch"] >= 5
        wait_for("torch resumes", lambda: detector.events(jobs[detector], "resuming"), 120)
    assert result[0].returncode == 0, result[0].stdout + result[0].stderr
    assert_resumed(detector, jobs[detector])
    check_model(sweep)


@pytest.mark.proves("training/ray", "a failure ends up with the program's own message")
@pytest.mark.proves("training/pytorchjob", "a failure ends up with the program's own message")
def test_wrong_programs_fail_up_with_their_own_messages(sweep: RayGang, detector: Gang) -> None:
    def wrong(gang: Gang, environment: Any) -> None:
        gang.change(environment, rerun="wrong", retries=0, args=["train", "--nonsense"])

    words = (
        "exit code 64",
        "torch-trainer: error: unrecognized arguments: --nonsense",
        "AppFailed",
        "ray-trainer: error",
    )
    assert_failure_is_told((sweep, detector), wrong, words)
    sweep.cluster.up()


@pytest.mark.proves("training/ray", "destroy leaves nothing")
@pytest.mark.proves("training/pytorchjob", "destroy leaves nothing")
def test_destroy_leaves_nothing(cluster: EmbeddedCluster, sweep: RayGang, detector: Gang) -> None:
    cluster.run("destroy", "--yes", "--skip-preview")
    for gang in (sweep, detector):
        assert cluster.kubectl("get", "namespace", gang.team, ok=False).returncode != 0
    names = cluster.kubectl("get", "crd,namespaces,clusterroles", "-o", "name").stdout.splitlines()
    made = ("ray.io", "kuberay", "kubeflow", "training-operator")
    assert not [name for name in names if any(word in name for word in made)]
