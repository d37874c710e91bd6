"""The training of `examples/ray.yaml` on a cluster."""

from __future__ import annotations

import json
from typing import Any

from tests.embedded import EmbeddedCluster
from tests.engines.gangs import Gang

HEAD, WORKER = "ray.io/node-type=head", "ray.io/node-type=worker"
# Its container beside the autoscaler's, where there is one.
IN_HEAD = ("-c", "head", "--", "sh", "-c")
PROGRAM_LOG = "cat /tmp/ray/session_latest/logs/job-driver-*.log"


class RayGang(Gang):
    """What a program on Ray prints is not in the log of the head's container."""

    def events(self, job: str, event: str, selector: str = "") -> list[dict[str, Any]]:
        heads = self.pods(job, selector or self.first)
        if not heads:
            return []
        done = self.cluster.kubectl("exec", "-n", self.team, heads[0], *IN_HEAD, PROGRAM_LOG, ok=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def pods(self, job: str, selector: str) -> list[str]:
        """The names of pods of a job."""
        found = self.cluster.get("pods", "-n", self.team, "-l", f"{self.pod_label}={job},{selector}")["items"]
        return [pod["metadata"]["name"] for pod in found]

    def last_epoch(self, job: str) -> int:
        return max((line["epoch"] for line in self.events(job, "progress")), default=0)


def ray_gang(cluster: EmbeddedCluster) -> RayGang:
    """The entry `sweep`. Its head has the program, so that it can lose it only once a checkpoint is there."""
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
