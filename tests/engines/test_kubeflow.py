"""`kind: tensorflow` and `kind: mpi` on real pods: they train, lose a pod, fail with a reason, and go without a trace.

Both at a time, on one cluster: the stack file is the two examples together.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.embedded import EmbeddedCluster, running, wait_for
from tests.engines.gangs import Gang, assert_failure_is_told, assert_resumed, examples_together, update_beside

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
# Written, and not seen to pass on a cluster yet.
NOT_SEEN = pytest.mark.skip(reason="not seen to pass on a cluster yet (issue 11)")

JOB_LABEL = "training.kubeflow.org/job-name"
ROLE, INDEX = "training.kubeflow.org/replica-type", "training.kubeflow.org/replica-index"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    stack_file = examples_together(tmp_path_factory.mktemp("stack"), "tensorflow.yaml", "mpi.yaml")
    with running("platform", stack_file) as started:
        started.up()
        yield started


@pytest.fixture(scope="module")
def ranker(cluster: EmbeddedCluster) -> Gang:
    """The TensorFlow training. Without a chief the first worker leads."""
    return Gang(
        cluster=cluster,
        team="ranking",
        entry="ranker",
        kind="TFJob",
        resource="tfjobs.kubeflow.org",
        pod_label=JOB_LABEL,
        first=f"{ROLE}=worker,{INDEX}=0",
        victim=f"{ROLE}=worker,{INDEX}=1",
    )


@pytest.fixture(scope="module")
def solver(cluster: EmbeddedCluster) -> Gang:
    """The MPI training. What its ranks log comes out of the launcher, and another launcher follows one that failed."""
    return Gang(
        cluster=cluster,
        team="physics",
        entry="solver",
        kind="MPIJob",
        resource="mpijobs.kubeflow.org",
        pod_label=JOB_LABEL,
        first="training.kubeflow.org/job-role=launcher",
        victim=f"training.kubeflow.org/job-role=worker,{INDEX}=1",
    )


@pytest.mark.proves("training/tensorflow", "trains a model with a manifest")
@pytest.mark.proves("training/tensorflow", "waits in its team's queue")
def test_parameter_servers_train_a_model_that_is_served(ranker: Gang) -> None:
    made = ranker.output()
    assert made["workload"]["kind"] == "TFJob"
    written = ranker.manifest()
    assert (written["name"], written["version"]) == ("ranker", made["model"]["version"])
    assert written["framework"].startswith("tensorflow 2.")
    assert written["metrics"]["accuracy"] >= 0.97
    assert ranker.pod_sets() == {"chief": 1, "worker": 2, "ps": 1, "evaluator": 1}
    job = made["workload"]["name"]
    (training,) = ranker.events(job, "training", f"{ROLE}=chief")
    assert (training["workers"], training["first"]) == (2, 1)
    # TensorFlow Serving finds its own form of the model beside that of the sample predictor.
    found = ranker.in_server('ls "$MODEL_ROOT/$MODEL_NAME/$MODEL_VERSION/saved_model/1"').split()
    assert "saved_model.pb" in found


@pytest.mark.proves("training/mpi", "trains a model with a manifest")
@pytest.mark.proves("training/mpi", "waits in its team's queue")
def test_ranks_add_up_and_train_a_model_that_is_served(solver: Gang) -> None:
    made = solver.output()
    assert made["workload"]["kind"] == "MPIJob"
    job = made["workload"]["name"]
    # Each rank is in a pod of its own.
    (added,) = solver.events(job, "allreduce")
    assert (added["ranks"], added["sum"], added["expected"]) == (3, 6, 6)
    written = solver.manifest()
    assert (written["name"], written["version"]) == ("solver", made["model"]["version"])
    assert written["metrics"]["accuracy"] >= 0.97
    assert solver.pod_sets() == {"launcher": 1, "worker": 3}


@pytest.mark.proves("training/tensorflow", "a second up and a refresh change nothing")
@pytest.mark.proves("training/mpi", "a second up and a refresh change nothing")
def test_nothing_drifts(cluster: EmbeddedCluster) -> None:
    cluster.up("--expect-no-changes")
    cluster.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    cluster.up("--expect-no-changes")


@NOT_SEEN
@pytest.mark.proves("training/tensorflow", "resumes from its checkpoint after it lost a pod")
@pytest.mark.proves("training/mpi", "resumes from its checkpoint after it lost a pod")
def test_a_lost_worker_costs_no_finished_epoch(cluster: EmbeddedCluster, ranker: Gang, solver: Gang) -> None:
    gangs = (ranker, solver)
    before = {gang: {job["metadata"]["name"] for job in gang.jobs()} for gang in gangs}

    def slow(environment: Any) -> None:
        for gang in gangs:
            gang.change(environment, rerun="slow", args=["train", "--epoch-seconds", "0.5"])
        # Without parameter servers, whose chief would go on without the worker.
        ranker.change(environment, replicas={"worker": 3})

    with ExitStack() as during:
        during.enter_context(cluster.changed_config(slow))
        result = during.enter_context(update_beside(cluster))
        jobs = {gang: gang.new_job(before[gang]) for gang in gangs}
        with ThreadPoolExecutor() as losses:
            # Each when it has a checkpoint: one may be done before the other begins.
            list(losses.map(lambda gang: gang.lose_a_pod(jobs[gang]), gangs))
        for gang, job in jobs.items():
            wait_for(f"{gang.entry} goes on", lambda gang=gang, job=job: gang.events(job, "resuming"), 300)
    assert result[0].returncode == 0, result[0].stdout + result[0].stderr
    for gang, job in jobs.items():
        assert_resumed(gang, job)
    (training,) = ranker.events(jobs[ranker], "training")
    assert training["workers"] == 3


@NOT_SEEN
@pytest.mark.proves("training/tensorflow", "a failure ends up with the program's own message")
@pytest.mark.proves("training/mpi", "a failure ends up with the program's own message")
def test_a_wrong_program_fails_up_with_its_own_message(ranker: Gang, solver: Gang) -> None:
    def wrong(gang: Gang, environment: Any) -> None:
        gang.change(environment, rerun="wrong", retries=0, args=["train", "--nonsense"])

    words = (
        "exit code 64",
        "tf-trainer: error: unrecognized arguments: --nonsense",
        "mpi-trainer: error: unrecognized",
    )
    assert_failure_is_told((ranker, solver), wrong, words)


@NOT_SEEN
@pytest.mark.proves("training/tensorflow", "destroy leaves nothing")
@pytest.mark.proves("training/mpi", "destroy leaves nothing")
def test_destroy_leaves_nothing(cluster: EmbeddedCluster) -> None:
    cluster.run("destroy", "--yes", "--skip-preview")
    for team in ("ranking", "physics"):
        assert cluster.kubectl("get", "namespace", team, ok=False).returncode != 0
    left = cluster.kubectl("get", "tfjobs,mpijobs", "-A", "-o", "name", ok=False)
    assert not left.stdout.strip()
