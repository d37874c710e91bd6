"""A training entry on a running cluster, as the tests of all engines look at it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from subprocess import CompletedProcess
from typing import Any

from tests.embedded import EmbeddedCluster, wait_for


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One entry of a team. `resource` is the plural of its object in the API, `kind` its kind."""

    cluster: EmbeddedCluster
    team: str
    entry: str
    kind: str
    resource: str

    def output(self) -> Any:
        """What the stack says of the entry."""
        return self.cluster.outputs()["teams"][self.team]["training"][self.entry]

    def manifest(self) -> Any:
        """The manifest of the model that its server has."""
        words = ("exec", "-n", self.team, f"deployment/{self.entry}", "--", "sh", "-c")
        read = 'cat "$MODEL_ROOT/$MODEL_NAME/$MODEL_VERSION/manifest.json"'
        return json.loads(self.cluster.kubectl(*words, read).stdout)

    def jobs(self) -> dict[str, Any]:
        """Its objects by name."""
        found = self.cluster.get(self.resource, "-n", self.team)["items"]
        return {one["metadata"]["name"]: one for one in found if one["metadata"]["name"].startswith(f"{self.entry}-")}

    def workloads(self) -> list[Any]:
        """Kueue's Workloads of its objects."""
        found = self.cluster.get("workloads.kueue.x-k8s.io", "-n", self.team)["items"]
        owned = [one for one in found if one["metadata"]["ownerReferences"][0]["kind"] == self.kind]
        return [one for one in owned if one["metadata"]["ownerReferences"][0]["name"].startswith(f"{self.entry}-")]

    def pods(self, selector: str) -> list[Any]:
        return self.cluster.get("pods", "-n", self.team, "-l", selector)["items"]

    def kill(self, selector: str) -> None:
        """Delete pods at once, as a node does that is lost."""
        words = ("delete", "pod", "-n", self.team, "-l", selector, "--grace-period=0", "--force")
        assert "deleted" in self.cluster.kubectl(*words).stdout

    def trained(self, pods: Mapping[str, int]) -> None:
        """The model is there, and all of its pods (counts by Kueue's pod sets) were admitted as one."""
        made, written = self.output(), self.manifest()
        assert made["workload"]["kind"] == self.kind
        assert (written["name"], written["version"]) == (self.entry, made["model"]["version"])
        assert written["metrics"]["accuracy"] >= 0.97
        (workload,) = self.workloads()
        assert {one["name"]: one["count"] for one in workload["spec"]["podSets"]} == pods
        assert any(one["type"] == "Finished" and one["status"] == "True" for one in workload["status"]["conditions"])


def events(log: str, name: str) -> list[dict[str, Any]]:
    """The lines of a trainer's log that report an event."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


@dataclass
class Update:
    """A `pulumi up` that runs beside the test. `started` are the new objects' names by entry; `ended` is its result."""

    trials: tuple[Trial, ...]
    started: dict[str, str] = field(default_factory=dict[str, str])
    ended: list[CompletedProcess[str]] = field(default_factory=list["CompletedProcess[str]"])

    @property
    def told(self) -> str:
        (done,) = self.ended
        return done.stdout + done.stderr

    @property
    def code(self) -> int:
        (done,) = self.ended
        return done.returncode


@contextmanager
def updating(change: Callable[[Any], None], *trials: Trial) -> Generator[Update]:
    """`pulumi up` of a changed stack file, from when each entry has a new object until it ends, with the block."""
    cluster, update = trials[0].cluster, Update(trials)
    before = {trial.entry: trial.jobs().keys() for trial in trials}
    with cluster.changed_config(change):
        thread = threading.Thread(target=lambda: update.ended.append(cluster.up(ok=False)))
        thread.start()
        try:
            for trial in trials:
                known = before[trial.entry]
                new = wait_for(
                    f"{trial.entry}: a new {trial.kind}",
                    lambda trial=trial, known=known: [name for name in trial.jobs() if name not in known],
                    180,
                )
                update.started[trial.entry] = new[0]
            yield update
        finally:
            thread.join(600)
    assert update.ended, "pulumi up did not end"


def change_entries(environment: Any, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Change keys of the first team's training entries, by the entries' names."""
    for entry in environment["teams"][0]["training"]:
        entry.update(changes.get(entry["name"], {}))


def nothing_drifts(cluster: EmbeddedCluster) -> None:
    """A second `up` and a refresh change nothing."""
    cluster.up("--expect-no-changes")
    cluster.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    cluster.up("--expect-no-changes")


def seconds_since(moment: str, now: float) -> float:
    """How long ago a moment of the API was."""
    return now - (time.mktime(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone)
