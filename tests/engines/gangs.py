"""What the tests of the training engines share: one training of a team, its object, its pods' logs, and its model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import yaml

from tests.embedded import EmbeddedCluster, wait_for

EXAMPLES = Path(__file__).parents[2] / "examples"

# What `up` may take, from the failure of a training, to end with its reason.
TELL_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Gang:
    """A training entry whose model is served under the entry's name.

    `resource` is the plural of its object's kind, `kind`. `pod_label` is on the object's pods, with its name; `first`
    and `victim` select the pod that logs the progress, and one that the training can lose.
    """

    cluster: EmbeddedCluster
    team: str
    entry: str
    kind: str
    resource: str
    pod_label: str
    first: str
    victim: str

    def change(self, environment: Any, **keys: Any) -> None:
        """Change keys of the entry in an environment."""
        (team,) = [one for one in environment["teams"] if one["name"] == self.team]
        (entry,) = [one for one in team["training"] if one["name"] == self.entry]
        entry.update(keys)

    def output(self) -> Any:
        """What the stack's outputs say of it."""
        return self.cluster.outputs()["teams"][self.team]["training"][self.entry]

    def in_server(self, command: str) -> str:
        """The output of a command in the container that serves the model."""
        words = ("exec", "-n", self.team, f"deployment/{self.entry}", "--", "sh", "-c", command)
        return self.cluster.kubectl(*words).stdout

    def manifest(self) -> Any:
        """The manifest of the model that is served."""
        return json.loads(self.in_server('cat "$MODEL_ROOT/$MODEL_NAME/$MODEL_VERSION/manifest.json"'))

    def jobs(self) -> list[Any]:
        """Its objects, of all versions."""
        found = self.cluster.get(self.resource, "-n", self.team)["items"]
        return [job for job in found if job["metadata"]["name"].startswith(f"{self.entry}-v")]

    def events(self, job: str, event: str, selector: str = "") -> list[dict[str, Any]]:
        """The logged events of a name, of the selected pods of a job: of the first one's last start by default."""
        labels = f"{self.pod_label}={job},{selector or self.first}"
        done = self.cluster.kubectl("logs", "-n", self.team, "-l", labels, "--tail=-1", ok=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def pod_sets(self) -> dict[str, int]:
        """How many pods the queue admitted together, by their role, of the one object that it has of the entry."""
        (workload,) = [
            found
            for found in self.cluster.get("workloads.kueue.x-k8s.io", "-n", self.team)["items"]
            if found["metadata"]["ownerReferences"][0]["kind"] == self.kind
        ]
        assert any(one["type"] == "Finished" and one["status"] == "True" for one in workload["status"]["conditions"])
        return {pods["name"]: pods["count"] for pods in workload["spec"]["podSets"]}

    def new_job(self, before: set[str]) -> str:
        """The name of an object that is none of those before, waited for."""

        def started() -> str:
            names = {job["metadata"]["name"] for job in self.jobs()} - before
            return names.pop() if names else ""

        return wait_for(f"{self.kind} of a new version", started, 180)

    def lose_a_pod(self, job: str) -> None:
        """Wait for a checkpoint of a training that runs, and take a pod away without a warning."""
        wait_for("a checkpoint is written", lambda: self.events(job, "checkpoint written"), 240)
        selector = f"{self.pod_label}={job},{self.victim}"
        self.cluster.kubectl("delete", "pod", "-n", self.team, "-l", selector, "--grace-period=0", "--force")


def examples_together(folder: Path, *names: str) -> Path:
    """A stack file in a folder with the teams of several examples, which are alike in all else."""
    documents: list[Any] = [yaml.safe_load((EXAMPLES / name).read_text()) for name in names]
    whole, *others = (document["config"]["ml-platform:environment"] for document in documents)
    for other in others:
        assert {**other, "teams": []} == {**whole, "teams": []}
        whole["teams"] = [*whole["teams"], *other["teams"]]
    stack_file = folder / "Pulumi.test.yaml"
    stack_file.write_text(yaml.safe_dump(documents[0], sort_keys=False))
    return stack_file


@contextmanager
def update_beside(cluster: EmbeddedCluster) -> Generator[list[CompletedProcess[str]]]:
    """`pulumi up` in the background of the block; when this ends, the list has its result."""
    result: list[CompletedProcess[str]] = []
    update = threading.Thread(target=lambda: result.append(cluster.up(ok=False)))
    update.start()
    try:
        yield result
    finally:
        update.join(600)
    assert result, "pulumi up did not end"


def assert_trained(gang: Gang) -> None:
    """The model of the entry's version is served, and good."""
    made, written = gang.output(), gang.manifest()
    assert made["workload"]["kind"] == gang.kind
    assert (written["name"], written["version"]) == (gang.entry, made["model"]["version"])
    assert written["metrics"]["accuracy"] >= 0.97


def assert_resumed(gang: Gang, job: str) -> None:
    """The training went on from a checkpoint, and trained no epoch again that was in it."""
    resumed = gang.events(job, "resuming")[-1]["epoch"]
    assert resumed >= 1
    epochs = [event["epoch"] for event in gang.events(job, "progress")]
    assert resumed + 1 in epochs
    assert gang.manifest()["metrics"]["accuracy"] >= 0.97


def assert_failure_is_told(gangs: Sequence[Gang], change: Callable[[Gang, Any], None], words: Sequence[str]) -> None:
    """`up` of an environment with `change` for each gang fails with these words, soon after the last one failed."""
    cluster = gangs[0].cluster

    def wrong(environment: Any) -> None:
        for gang in gangs:
            change(gang, environment)

    with cluster.changed_config(wrong):
        done = cluster.up(ok=False)
        ended = time.time()
        assert done.returncode != 0
        told = done.stdout + done.stderr
        for gang in gangs:
            assert f"{gang.kind} {gang.team}/{gang.entry}-v" in told, told
            # The server of the model goes on with the version that it has.
            assert gang.manifest()["metrics"]["accuracy"] >= 0.97
        for word in words:
            assert word in told, told
        failed = [moment for gang in gangs for job in gang.jobs() if (moment := failed_at(job["status"])) is not None]
        assert len(failed) == len(gangs)
        assert ended - max(failed) < TELL_SECONDS


def failed_at(status: Any) -> float | None:
    """When a training failed, in seconds since 1970; None if it did not. A RayJob has a phase and no conditions."""
    moments = [one["lastTransitionTime"] for one in status.get("conditions", []) if _is_failure(one)]
    if status.get("jobDeploymentStatus") == "Failed":
        moments.append(status["endTime"])
    return max((datetime.fromisoformat(moment).timestamp() for moment in moments), default=None)


def _is_failure(condition: Any) -> bool:
    return condition["type"] == "Failed" and condition["status"] == "True"
