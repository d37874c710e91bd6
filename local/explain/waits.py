"""What an update waits for on any cluster: a place in a queue, a volume, a node, an image."""

import json
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from components.labels import PART_OF
from local.explain.queues import waiting_line, workloads_of
from local.explain.unscheduled import ENDED, Snapshot, why_unscheduled
from local.progress import Step

Object = Mapping[str, Any]

#: How often a waiting update asks why it waits.
INTERVAL_SECONDS = 5.0
OURS = f"app.kubernetes.io/part-of={PART_OF}"
#: A container that just starts says these.
STARTING = ("ContainerCreating", "PodInitializing")
#: A claim that waits for its first pod, and one that its driver was just told of.
PATIENT = ("WaitForFirstConsumer", "WaitForPodScheduled", "ExternalProvisioning", "Provisioning")


def waiting_reason(pod: Object, cluster: Snapshot) -> str:
    """Why a pod does not run yet: what it lacks, or the words of the kubelet or the container; '' when it runs."""
    status = pod["status"]
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            message = condition.get("message", condition.get("reason", "not scheduled"))
            return why_unscheduled(pod, cluster, message) if condition.get("reason") != "SchedulingGated" else message
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        state = container.get("state", {})
        for kind in ("waiting", "terminated"):
            if kind in state and state[kind].get("reason") != "Completed":
                message = state[kind].get("message") or f"exit code {state[kind].get('exitCode', '?')}"
                return f"{state[kind].get('reason', kind)}: {message}"
    return status.get("message", "")


def claim_line(claims: Iterable[Object], events: Iterable[Object]) -> str:
    """The first volume claim that cannot be bound, in the words of its provisioner; '' when there is none."""
    said = {
        (event["involvedObject"]["namespace"], event["involvedObject"]["name"]): event
        for event in events
        if event["involvedObject"]["kind"] == "PersistentVolumeClaim"
    }
    for claim in claims:
        metadata = claim["metadata"]
        event = said.get((metadata["namespace"], metadata["name"]))
        if claim["status"].get("phase") == "Pending" and event and event["reason"] not in PATIENT:
            return f"volume claim {metadata['namespace']}/{metadata['name']}: {' '.join(event['message'].split())}"
    return ""


def pod_line(cluster: Snapshot, pods: Iterable[Object]) -> str:
    """The first of these pods that cannot start, and why; '' when there is none."""
    for pod in pods:
        if pod["status"].get("phase") in ENDED or pod["metadata"].get("deletionTimestamp"):
            continue
        why = waiting_reason(pod, cluster)
        if why and not why.startswith(STARTING):
            return f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']}: {' '.join(why.split())}"
    return ""


def wait_line(environment: Mapping[str, str], *, queued: bool) -> str:
    """What keeps the workloads of this platform from running; '' when nothing does, or the cluster does not answer."""

    def get(*words: str) -> Sequence[Object]:
        return _get(environment, *words)

    if queued and (line := waiting_line(workloads_of(environment))):
        return f"in its queue: {line}"
    if line := claim_line(
        get("persistentvolumeclaims", "--all-namespaces", "--selector", OURS),
        get("events", "--all-namespaces", "--field-selector", "involvedObject.kind=PersistentVolumeClaim"),
    ):
        return line
    ours = get("pods", "--all-namespaces", "--selector", OURS)
    if all(pod["status"].get("phase") in ("Running", *ENDED) for pod in ours):
        return pod_line(Snapshot(nodes=[], pods=[]), ours)
    return pod_line(Snapshot(nodes=get("nodes"), pods=get("pods", "--all-namespaces")), ours)


def _get(environment: Mapping[str, str], *words: str) -> list[Object]:
    command = ["kubectl", "get", *words, "-o", "json", "--request-timeout=10s"]
    try:
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return json.loads(done.stdout)["items"] if done.returncode == 0 else []


@contextmanager
def explained(step: Step, look: Callable[[], str]) -> Generator[None]:
    """Until the block ends, the step's note says what `look` finds that the step waits for."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(INTERVAL_SECONDS):
            if line := look():
                step.note = line

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
