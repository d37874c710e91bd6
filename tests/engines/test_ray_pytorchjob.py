"""`kind: ray` and `api: pytorchjob` on real pods: both train, lose pods, fail with a reason, and go without a trace.

Both at a time, on one cluster: the stack file is the two examples together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.embedded import EmbeddedCluster, running, wait_for
from tests.engines.gangs import (
    Gang,
    assert_failure_is_told,
    assert_resumed,
    assert_trained,
    examples_together,
    update_beside,
)
from tests.engines.rays import HEAD, WORKER, RayGang, ray_gang

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
# Written, and not seen to pass on a cluster yet.
NOT_SEEN = pytest.mark.skip(reason="not seen to pass on a cluster yet (issue 11)")

ROLE, INDEX = "training.kubeflow.org/replica-type", "training.kubeflow.org/replica-index"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    with running("platform", examples_together(tmp_path_factory.mktemp("stack"), "ray.yaml", "pytorchjob.yaml")) as one:
        one.up()
        yield one


@pytest.fixture(scope="module")
def sweep(cluster: EmbeddedCluster) -> RayGang:
    return ray_gang(cluster)


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


@pytest.mark.proves("training/ray", "trains a model with a manifest")
@pytest.mark.proves("training/ray", "waits in its team's queue")
def test_a_ray_cluster_trains_a_model_and_goes(sweep: RayGang) -> None:
    assert_trained(sweep)
    assert sweep.pod_sets() == {"head": 1, "workers": 2}
    job = sweep.output()["workload"]["name"]
    wait_for("the cluster is gone", lambda: not sweep.pods(job, HEAD) + sweep.pods(job, WORKER), 60)


@pytest.mark.proves("training/pytorchjob", "trains a model with a manifest")
@pytest.mark.proves("training/pytorchjob", "waits in its team's queue")
def test_a_master_and_workers_train_a_model(detector: Gang) -> None:
    assert_trained(detector)
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
    assert_trained(sweep)


@NOT_SEEN
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


@NOT_SEEN
@pytest.mark.proves("training/ray", "destroy leaves nothing")
@pytest.mark.proves("training/pytorchjob", "destroy leaves nothing")
def test_destroy_leaves_nothing(cluster: EmbeddedCluster, sweep: RayGang, detector: Gang) -> None:
    cluster.run("destroy", "--yes", "--skip-preview")
    for gang in (sweep, detector):
        assert cluster.kubectl("get", "namespace", gang.team, ok=False).returncode != 0
    names = cluster.kubectl("get", "crd,namespaces,clusterroles", "-o", "name").stdout.splitlines()
    made = ("ray.io", "kuberay", "kubeflow", "training-operator")
    assert not [name for name in names if any(word in name for word in made)]
