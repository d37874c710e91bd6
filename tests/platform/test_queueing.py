"""The real Kueue on simulated GPU nodes: gangs, borrowing and giving back, and training that does not drift.

The pool has 16 GPUs on 4 nodes. Two teams own 8 of them each, in one cohort.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from components.placement import POOL_LABEL
from components.queueing.names import PRIORITY_LABEL, QUEUE_LABEL
from local.explain.queues import waiting_line, workload_state
from tests.embedded import EmbeddedCluster, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

RED, BLUE = "queue-red", "queue-blue"
POOL = "queued"
JOBS = 500
OURS = {"test": "queueing"}


def job(
    name: str, team: str, *, pods: int, gpus: int, seconds: float = 0.0, priority: str | None = None
) -> dict[str, Any]:
    """A Job whose pods start together; each of them works for `seconds` on a simulated node.

    It names no queue: a Job of a team cannot pass its team's queue by.
    """
    labels = OURS | ({PRIORITY_LABEL: priority} if priority else {})
    amounts = {"cpu": "10m", "memory": "16Mi", "nvidia.com/gpu": str(gpus)}
    container = {
        "name": "main",
        "image": "registry.example/simulated:1",
        # Requests too: of a template without them Kueue takes the namespace's defaults, which are above these limits.
        "resources": {"requests": amounts, "limits": amounts},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": team, "labels": labels},
        "spec": {
            "parallelism": pods,
            "completions": pods,
            "template": {
                "metadata": {"annotations": {"pod-complete.stage.kwok.x-k8s.io/delay": f"{seconds}s"}},
                "spec": {
                    "restartPolicy": "Never",
                    # Other pools have GPUs that nobody owns, and these teams could borrow them.
                    "nodeSelector": {POOL_LABEL: POOL},
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 1,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                },
            },
        },
    }


def submit(platform: EmbeddedCluster, *jobs: dict[str, Any]) -> None:
    for start in range(0, len(jobs), 100):
        some = {"apiVersion": "v1", "kind": "List", "items": jobs[start : start + 100]}
        platform.kubectl("create", "-f", "-", stdin=json.dumps(some))


@pytest.fixture(autouse=True)
def tidy(platform: EmbeddedCluster) -> Iterator[None]:
    """Both queues are empty before and after each test."""
    yield
    for team in (RED, BLUE):
        platform.kubectl("delete", "jobs", "-n", team, "-l", "test=queueing", "--wait=false")
    wait_for("no workload of a test is left", lambda: not workloads(platform), 60)


def workloads(platform: EmbeddedCluster) -> dict[str, Any]:
    """The Workloads of the tests' Jobs by `<team>/<job>`."""
    found: dict[str, Any] = {}
    for team in (RED, BLUE):
        ours = {item["metadata"]["uid"] for item in platform.get("jobs", "-n", team, "-l", "test=queueing")["items"]}
        for workload in platform.get("workloads.kueue.x-k8s.io", "-n", team)["items"]:
            (owner,) = workload["metadata"]["ownerReferences"]
            if owner["uid"] in ours:
                found[f"{team}/{owner['name']}"] = workload
    return found


def state(platform: EmbeddedCluster, name: str) -> tuple[str, str]:
    """The state of a Job's Workload and why; Missing as long as Kueue has made none."""
    workload = workloads(platform).get(name)
    return workload_state(workload) if workload else ("Missing", "")


def is_in(platform: EmbeddedCluster, name: str, *states: str) -> Callable[[], bool]:
    return lambda: state(platform, name)[0] in states


def running_pods(platform: EmbeddedCluster) -> dict[str, int]:
    """Pods that hold GPUs, by `<team>/<job>`."""
    counts: dict[str, int] = {}
    for item in platform.get("pods", "-A", "-l", "batch.kubernetes.io/job-name")["items"]:
        team, name = item["metadata"]["namespace"], item["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        if team in (RED, BLUE) and item["status"]["phase"] in ("Pending", "Running"):
            counts[f"{team}/{name}"] = counts.get(f"{team}/{name}", 0) + 1
    return counts


def test_queues_are_active_and_know_what_is_whose(platform: EmbeddedCluster) -> None:
    for team in (RED, BLUE):
        queue = platform.get("clusterqueue", team)
        active = next(item for item in queue["status"]["conditions"] if item["type"] == "Active")
        assert active["status"] == "True", active["message"]
        local = platform.get("localqueue", "default", "-n", team)
        assert local["spec"]["clusterQueue"] == team
    flavor = platform.get("resourceflavor", POOL)
    nodes = platform.get("nodes", "-l", ",".join(f"{k}={v}" for k, v in flavor["spec"]["nodeLabels"].items()))
    assert len(nodes["items"]) == 4


@pytest.mark.proves("queueing", "a gang starts whole, and two never deadlock")
def test_two_gangs_that_each_need_most_gpus_never_deadlock(platform: EmbeddedCluster) -> None:
    """Three of the four nodes each: whoever comes second waits with all of its pods."""
    rounds = [(f"{RED}/gang-{n}", f"{BLUE}/gang-{n}") for n in range(3)]
    submit(
        platform,
        *(job(f"gang-{n}", team, pods=3, gpus=4, seconds=2) for n in range(3) for team in (RED, BLUE)),
    )
    names = {name for pair in rounds for name in pair}

    def all_done() -> bool:
        pods = running_pods(platform)
        assert len(pods) <= 1, f"two gangs hold GPUs at the same time: {pods}"
        assert all(count <= 3 for count in pods.values())
        states = {name: state(platform, name)[0] for name in names}
        return set(states.values()) == {"Finished"}

    wait_for("six gangs of 12 of 16 GPUs, one after the other", all_done, 180)


@pytest.mark.proves("queueing", "a team over its quota waits and is told why")
def test_a_team_over_its_quota_waits_and_the_reason_is_shown(platform: EmbeddedCluster) -> None:
    submit(
        platform,
        job("own", RED, pods=2, gpus=4, seconds=300),
        job("own", BLUE, pods=2, gpus=4, seconds=300),
    )
    wait_for("both teams have what is theirs", lambda: len(running_pods(platform)) == 2, 60)
    submit(platform, job("more", RED, pods=1, gpus=4))
    wait_for("the third Job is looked at", lambda: state(platform, f"{RED}/more")[1].count("quota"), 60)
    kind, why = state(platform, f"{RED}/more")
    assert kind == "Waiting"
    assert "insufficient" in why
    assert f"nvidia.com/gpu in flavor {POOL}" in why
    assert f"{RED}/more" not in running_pods(platform)
    # The line that a waiting `make up` shows, and `make status` in its table.
    assert waiting_line(workloads(platform).values()) == f"{RED}/more: waiting: {why}"
    platform.kubectl("delete", "job", "own", "-n", BLUE)
    wait_for("it borrows what the other team gave up", is_in(platform, f"{RED}/more", "Finished"), 60)


@pytest.mark.proves("queueing", "idle quota is borrowed and given back")
def test_borrowed_quota_is_given_back(platform: EmbeddedCluster) -> None:
    submit(
        platform,
        job("first", RED, pods=2, gpus=4, seconds=300),
        job("second", RED, pods=2, gpus=4, seconds=300),
    )
    wait_for("one team has all GPUs", lambda: sum(running_pods(platform).values()) == 4, 60)
    started = time.monotonic()
    submit(platform, job("mine", BLUE, pods=2, gpus=4, seconds=5))
    wait_for("the owner has its GPUs back", is_in(platform, f"{BLUE}/mine", "Running", "Finished"), 60)
    assert time.monotonic() - started < 60
    stopped = [name for name in ("first", "second") if state(platform, f"{RED}/{name}")[0] == "Stopped"]
    assert len(stopped) == 1, "one of the two runs on what its team owns, and goes on"
    assert "reempted" in state(platform, f"{RED}/{stopped[0]}")[1]
    # It did not fail, and goes on when the owner is done.
    assert not platform.get("job", stopped[0], "-n", RED)["status"].get("failed")
    wait_for("the owner is done", is_in(platform, f"{BLUE}/mine", "Finished"), 60)
    wait_for("what was stopped runs again", is_in(platform, f"{RED}/{stopped[0]}", "Running"), 60)


@pytest.mark.proves("queueing", "a higher priority goes first")
def test_a_higher_priority_goes_first_within_a_queue(platform: EmbeddedCluster) -> None:
    submit(platform, job("low", RED, pods=2, gpus=4, seconds=300), job("own", BLUE, pods=2, gpus=4, seconds=300))
    wait_for("both teams have what is theirs", lambda: len(running_pods(platform)) == 2, 60)
    submit(platform, job("high", RED, pods=1, gpus=4, seconds=5, priority="high"))
    wait_for("the urgent one runs", is_in(platform, f"{RED}/high", "Running", "Finished"), 60)
    assert state(platform, f"{RED}/low")[0] == "Stopped"
    assert state(platform, f"{BLUE}/own")[0] == "Running", "what another team owns is not taken"
    wait_for("the other goes on", is_in(platform, f"{RED}/low", "Running"), 60)


@pytest.mark.proves("queueing", "500 queued Jobs drain")
def test_500_queued_jobs_drain(platform: EmbeddedCluster) -> None:
    submit(platform, *(job(f"tiny-{n}", (RED, BLUE)[n % 2], pods=1, gpus=1) for n in range(JOBS)))

    def done() -> int:
        return sum(
            any(condition["type"] == "Complete" and condition["status"] == "True" for condition in conditions)
            for team in (RED, BLUE)
            for item in platform.get("jobs", "-n", team, "-l", "test=queueing")["items"]
            for conditions in [item["status"].get("conditions", [])]
        )

    wait_for(f"{JOBS} Jobs are complete", lambda: done() == JOBS, 400)
    for team in (RED, BLUE):
        status = platform.get("clusterqueue", team)["status"]
        assert (status["pendingWorkloads"], status["admittedWorkloads"]) == (0, 0)


@pytest.mark.proves("queueing", "what Kueue changes is no drift")
@pytest.mark.proves("training/job", "asks for GPUs")
def test_a_queued_training_does_not_drift(platform: EmbeddedCluster) -> None:
    """Kueue starts the Job and keeps it on the pool; that is its business, and Pulumi sees no change in it."""
    training = platform.outputs()["teams"][RED]["training"]["simulated"]
    made = platform.get("job", training["workload"]["name"], "-n", RED)
    assert made["metadata"]["labels"][QUEUE_LABEL] == "default"
    assert made["spec"]["suspend"] is False
    assert made["spec"]["template"]["spec"]["nodeSelector"] == {"ml-platform/node-pool": POOL}
    platform.up("--expect-no-changes")
    platform.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    platform.up("--expect-no-changes")

    def relabel(environment: Any) -> None:
        team = next(team for team in environment["teams"] if team["name"] == RED)
        team["labels"] = {"cost-center": "42"}

    # A change of what may change leaves alone what Kueue decided.
    with platform.changed_config(relabel):
        platform.up()
        changed = platform.get("job", training["workload"]["name"], "-n", RED)
        assert changed["metadata"]["labels"]["cost-center"] == "42"
        assert changed["metadata"]["uid"] == made["metadata"]["uid"]
        assert changed["spec"] == made["spec"]
    platform.up()


@pytest.mark.proves("training/job", "waits in its team's queue")
def test_a_training_waits_in_its_queue_and_pulumi_waits_with_it(platform: EmbeddedCluster) -> None:
    submit(
        platform,
        *(job("full", team, pods=2, gpus=4, seconds=300, priority="high") for team in (RED, BLUE)),
    )
    wait_for("all GPUs are taken", lambda: sum(running_pods(platform).values()) == 4, 60)

    def train_again(environment: Any) -> None:
        team = next(team for team in environment["teams"] if team["name"] == RED)
        team["training"][0] |= {"rerun": "again", "pool": POOL}

    def waiting() -> str:
        line = waiting_line(platform.get("workloads.kueue.x-k8s.io", "-n", RED)["items"])
        return line if "quota" in line else ""

    with platform.changed_config(train_again), ThreadPoolExecutor(max_workers=1) as pool:
        up = pool.submit(platform.up)
        line = wait_for("the training waits", waiting, 90)
        assert line.startswith(f"{RED}/simulated-train-")
        assert not up.done()
        platform.kubectl("delete", "job", "full", "-n", RED)
        up.result(timeout=120)
    platform.up()
