"""`kind: ray` and `api: pytorchjob` on real pods: both train, lose pods, fail with a reason, and go without a trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embedded import EmbeddedCluster, running, wait_for
from tests.engines.trial import Trial, change_entries, events, nothing_drifts, seconds_since, updating

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TEAM = "vision"
TORCH_POD = "training.kubeflow.org/job-name"
DRIVER_LOG = "cat /tmp/ray/session_latest/logs/job-driver-*.log"


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    with running("platform", Path(__file__).parent / "ray_pytorchjob" / "Pulumi.test.yaml") as started:
        started.up()
        yield started


@pytest.fixture(scope="module")
def ray(cluster: EmbeddedCluster) -> Trial:
    return Trial(cluster=cluster, team=TEAM, entry="sweep", kind="RayJob", resource="rayjobs.ray.io")


@pytest.fixture(scope="module")
def torch(cluster: EmbeddedCluster) -> Trial:
    resource = "pytorchjobs.kubeflow.org"
    return Trial(cluster=cluster, team=TEAM, entry="detector", kind="PyTorchJob", resource=resource)


@pytest.mark.proves("training/ray", "trains a model with a manifest")
@pytest.mark.proves("training/ray", "waits in its team's queue")
def test_a_ray_cluster_trains_a_model_and_goes(ray: Trial) -> None:
    ray.trained({"head": 1, "workers": 2})
    wait_for("the cluster is gone", lambda: not ray.pods("ray.io/cluster"), 60)


@pytest.mark.proves("training/pytorchjob", "trains a model with a manifest")
@pytest.mark.proves("training/pytorchjob", "waits in its team's queue")
def test_a_master_and_workers_train_a_model(torch: Trial) -> None:
    torch.trained({"master": 1, "worker": 2})


@pytest.mark.proves("training/ray", "a second up and a refresh change nothing")
@pytest.mark.proves("training/pytorchjob", "a second up and a refresh change nothing")
def test_nothing_drifts(cluster: EmbeddedCluster) -> None:
    nothing_drifts(cluster)


def driver_log(ray: Trial, job: str) -> str:
    """What the program of a RayJob has printed, in the head that there is now."""
    heads = ray.pods(f"ray.io/originated-from-cr-name={job},ray.io/node-type=head")
    if not heads:
        return ""
    words = ("exec", "-n", TEAM, heads[0]["metadata"]["name"], "-c", "head", "--", "sh", "-c", DRIVER_LOG)
    return ray.cluster.kubectl(*words, ok=False).stdout


def master_log(torch: Trial, job: str) -> str:
    words = ("logs", "-n", TEAM, "-l", f"{TORCH_POD}={job},training.kubeflow.org/replica-type=master", "--tail=-1")
    return torch.cluster.kubectl(*words, ok=False).stdout


def last_epoch(log: str) -> int:
    return max((line["epoch"] for line in events(log, "progress")), default=0)


@pytest.mark.proves("training/ray", "goes on when it loses a worker")
@pytest.mark.proves("training/ray", "resumes from its checkpoint after it lost a pod")
@pytest.mark.proves("training/pytorchjob", "resumes from its checkpoint after it lost a pod")
def test_lost_pods_cost_no_finished_epoch(ray: Trial, torch: Trial) -> None:
    slow = {
        "detector": {"rerun": "slow", "args": ["train", "--epoch-seconds", "1"]},
        "sweep": {"rerun": "slow", "args": ["train", "--epoch-seconds", "2"]},
    }
    with updating(lambda environment: change_entries(environment, slow), ray, torch) as update:
        rays, torches = update.started["sweep"], update.started["detector"]
        wait_for("a checkpoint of torch", lambda: events(master_log(torch, torches), "checkpoint written"), 240)
        torch.kill(
            f"{TORCH_POD}={torches},training.kubeflow.org/replica-index=0,training.kubeflow.org/replica-type=worker"
        )
        wait_for("a checkpoint of Ray", lambda: events(driver_log(ray, rays), "checkpoint written"), 240)
        # The first worker that is lost is replaced while the program runs: it goes on where it was.
        worker = ray.pods(f"ray.io/originated-from-cr-name={rays},ray.io/node-type=worker")[0]["metadata"]["name"]
        lost_at = last_epoch(driver_log(ray, rays))
        ray.cluster.kubectl("delete", "pod", "-n", TEAM, worker, "--grace-period=0", "--force")
        wait_for("it goes on", lambda: last_epoch(driver_log(ray, rays)) > lost_at + 2, 240)
        assert not events(driver_log(ray, rays), "resuming")
        # The head has the program itself: the next one starts it again.
        ray.kill(f"ray.io/originated-from-cr-name={rays},ray.io/node-type=head")
        resumed = wait_for("Ray resumes", lambda: events(driver_log(ray, rays), "resuming"), 300)
        assert resumed[0]["epoch"] >= 5
        again = wait_for("torch resumes", lambda: events(master_log(torch, torches), "resuming"), 120)
        assert again[0]["epoch"] >= 5
    assert update.code == 0, update.told
    first = next(line["epoch"] for line in events(master_log(torch, torches), "progress"))
    assert first == again[0]["epoch"] + 1
    for trial in (ray, torch):
        assert trial.manifest()["version"] == trial.output()["model"]["version"]
        assert trial.manifest()["metrics"]["accuracy"] >= 0.97


def failed_at(job: Any) -> str:
    """When an object failed."""
    conditions = job["status"].get("conditions", [])
    failures = [one["lastTransitionTime"] for one in conditions if one["type"] == "Failed"]
    return max(failures, default=job["status"].get("endTime", ""))


@pytest.mark.proves("training/ray", "a failure ends up with the program's own message")
@pytest.mark.proves("training/pytorchjob", "a failure ends up with the program's own message")
def test_wrong_programs_fail_up_with_their_own_messages(ray: Trial, torch: Trial) -> None:
    wrong = {"rerun": "wrong", "retries": 0, "args": ["train", "--nonsense"]}
    known = {trial.entry: trial.jobs().keys() for trial in (ray, torch)}
    with updating(lambda environment: change_entries(environment, dict.fromkeys(known, wrong)), ray, torch) as update:
        pass
    ended = time.time()
    assert update.code != 0
    assert update.told.count("unrecognized arguments: --nonsense") >= 2
    for trial in (ray, torch):
        assert f"{trial.kind} {TEAM}/{update.started[trial.entry]} failed" in update.told
    # The later one ends the update.
    last = max(failed_at(trial.jobs()[update.started[trial.entry]]) for trial in (ray, torch))
    assert seconds_since(last, ended) < 20
    # The servers go on with the version that they have.
    assert all(trial.manifest()["metrics"]["accuracy"] >= 0.97 for trial in (ray, torch))
    ray.cluster.up()


@pytest.mark.proves("training/ray", "destroy leaves nothing")
@pytest.mark.proves("training/pytorchjob", "destroy leaves nothing")
def test_destroy_leaves_nothing(cluster: EmbeddedCluster) -> None:
    cluster.run("destroy", "--yes", "--skip-preview")
    assert cluster.kubectl("get", "namespace", TEAM, ok=False).returncode != 0
    names = cluster.kubectl("get", "crd,namespaces,clusterroles", "-o", "name").stdout.splitlines()
    assert not [
        name for name in names if any(word in name for word in ("ray.io", "kuberay", "kubeflow", "training-op"))
    ]
