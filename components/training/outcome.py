"""Waits for the end of a training that an operator runs, and says why it failed.

Pulumi's own wait ends at success or at its time limit: it neither ends early nor gives a reason. So the object is made
without a wait, and this resource follows it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import dynamic

from components.platform.connection import Connection, client_of
from components.queueing.names import API_VERSION
from components.training.engines import EngineFacts, Phase
from components.training.progress import JOB_UID, is_suspended, stage

if TYPE_CHECKING:
    from components.platform.cluster_client import Client

POLL_SECONDS = 2
REPORT_TRIES = 5
# By which a later `pulumi up` knows a failed object that was reported: it is made again then.
REPORTED = "ml-platform/reported-failure"
# What the API server adds to an object, and what a new one must not have.
_SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "deletionTimestamp")
_QUEUE_PREFIX = "kueue.x-k8s.io/"
LOG_CHARACTERS = 2000
GONE_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class OutcomeArgs:
    """`name` is the object's name in `namespace`; it may take `patience_seconds` from now, its queue included.

    `retries` is how often it is made again where its operator gives up for a lost pod.
    """

    connection: Connection
    facts: EngineFacts
    namespace: pulumi.Input[str]
    name: pulumi.Input[str]
    patience_seconds: int
    retries: int = 0


def ended(status: Mapping[str, Any], facts: EngineFacts) -> tuple[str, str] | None:
    """How a training ended, `facts.complete` or `facts.failed`, and the reason and the message; None before its end."""
    if facts.phase is not None:
        if status.get(facts.phase.field) not in facts.phase.last:
            return None
        succeeded = status.get(facts.phase.result) == facts.complete
        return facts.complete if succeeded else facts.failed, _words(status)
    for condition in status.get("conditions", ()):
        if condition["status"] == "True" and condition["type"] in (facts.complete, facts.failed):
            return condition["type"], _words(condition)
    return None


def _words(said: Mapping[str, Any]) -> str:
    """The reason and the message of a condition or a status. Of a long message the end counts: it is a log's."""
    words = (str(said.get("reason", "")), str(said.get("message", "")).strip()[-LOG_CHARACTERS:])
    return ": ".join(word for word in words if word)


def container_failure(pod: Mapping[str, Any]) -> str | None:
    """Why a container of a pod ended badly, with the last lines of its log; None where none did."""
    status = pod.get("status", {})
    for state in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        for past in (state.get("state", {}), state.get("lastState", {})):
            end = past.get("terminated")
            if end and end.get("exitCode"):
                why = end.get("reason") or "Error"
                lines = str(end.get("message") or "").strip()[-LOG_CHARACTERS:]
                text = f"pod {pod['metadata']['name']}, container {state['name']}: {why}, exit code {end['exitCode']}"
                return f"{text}\n{lines}" if lines else text
    return None


def container_wait(pod: Mapping[str, Any]) -> str | None:
    """What keeps a pod from running: its node, or the image of a container; None where nothing does."""
    status, name = pod.get("status", {}), pod["metadata"]["name"]
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"pod {name}: {condition.get('reason')}: {condition.get('message')}"
    for state in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        wait = state.get("state", {}).get("waiting")
        if wait and wait.get("reason") not in ("ContainerCreating", "PodInitializing", None):
            return f"pod {name}, container {state['name']}: {wait['reason']}: {wait.get('message', '')}".rstrip(": ")
    return None


def first(pods: Iterable[Mapping[str, Any]], look: Callable[[Mapping[str, Any]], str | None]) -> str | None:
    return next((found for pod in pods if (found := look(pod))), None)


def renewed(found: Mapping[str, Any]) -> dict[str, Any]:
    """An object as it was before the API server and its controllers added to it."""
    metadata = {key: value for key, value in found["metadata"].items() if key not in _SERVER_FIELDS}
    metadata["annotations"] = {key: value for key, value in metadata.get("annotations", {}).items() if key != REPORTED}
    metadata.pop("finalizers", None)
    spec = {key: value for key, value in found["spec"].items() if key not in ("runtimePatches", "managedBy")}
    return {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": metadata, "spec": _unmarked(spec)}


def _unmarked(value: Any) -> Any:
    """A spec without the labels and annotations that Kueue writes into the templates of an admitted object's pods."""
    if isinstance(value, list):
        items: list[Any] = value
        return [_unmarked(item) for item in items]
    if isinstance(value, dict):
        pairs: dict[str, Any] = value
        return {key: _unmarked(inner) for key, inner in pairs.items() if not key.startswith(_QUEUE_PREFIX)}
    return value


def facts_from(stored: Mapping[str, Any]) -> EngineFacts:
    """The facts as the state of the stack has them, where they are plain mappings and lists."""
    phase = stored.get("phase")
    kept = Phase(field=phase["field"], last=tuple(phase["last"]), result=phase["result"]) if phase else None
    return replace(EngineFacts(**stored), phase=kept)


class _OutcomeProvider(dynamic.ResourceProvider):
    """Holds no secret: what it is told is the object's name and the cluster's address."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        client = client_of(props)
        facts = facts_from(props["facts"])
        _restart_reported(client, props, facts)
        follow(client, props, facts)
        return dynamic.CreateResult(id_=f"{props['namespace']}/{props['name']}", outs=props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        same = all(_olds.get(key) == _news.get(key) for key in ("namespace", "name"))
        return dynamic.DiffResult(changes=not same, replaces=[] if same else ["name"], delete_before_replace=False)


def _address(props: Mapping[str, Any], facts: EngineFacts) -> dict[str, Any]:
    metadata = {"name": props["name"], "namespace": props["namespace"]}
    return {"apiVersion": facts.api_version, "kind": facts.kind, "metadata": metadata}


def applier(found: Mapping[str, Any]) -> str | None:
    """The field manager that applied an object: Pulumi's provider, which goes on owning it when it is made again."""
    managers = found["metadata"].get("managedFields", ())
    return next((one["manager"] for one in managers if one["operation"] == "Apply"), None)


def _restart_reported(client: Client, props: Mapping[str, Any], facts: EngineFacts) -> None:
    """Make a training again that failed in an earlier `pulumi up`: an ended object cannot be started again."""
    found = client.find(_address(props, facts), props["namespace"])
    if found is None or found["metadata"].get("annotations", {}).get(REPORTED) != found["metadata"]["uid"]:
        return
    _make_again(client, found)


def _make_again(client: Client, found: Mapping[str, Any]) -> None:
    client.remove(found, GONE_SECONDS)
    client.apply(renewed(found), found["metadata"]["namespace"], manager=applier(found))


def follow(client: Client, props: Mapping[str, Any], facts: EngineFacts) -> None:
    """Wait until the training completed. RuntimeError with the reason when it fails, or does not end in time."""
    namespace, name = props["namespace"], props["name"]
    title = f"{facts.kind} {namespace}/{name}"
    failure: str | None = None
    shown, retries = "", props.get("retries", 0)
    deadline = time.monotonic() + props["patienceSeconds"]
    while True:
        found = client.find(_address(props, facts), namespace)
        if found is None:
            raise RuntimeError(f"{title} was deleted while it ran: run `pulumi up --refresh` to make it again")
        pods = client.labelled("v1", "Pod", namespace, f"{facts.pod_label}={name}")
        # Kept: pods of a failed training may go before its condition comes.
        failure = first(pods, container_failure) or failure
        end = ended(found.get("status", {}), facts)
        if end is not None and end[0] == facts.complete:
            return
        if end is not None and retries and facts.lost and facts.lost in end[1]:
            # It resumes from its checkpoint.
            pulumi.log.info(f"{title}: lost a pod, starts again")
            _make_again(client, found)
            failure, retries = None, retries - 1
            continue
        if end is not None:
            told = [f"{title} failed: {end[1]}", *([failure] if failure else []), *_report(client, found)]
            raise RuntimeError("\n".join(told))
        now = stage(found, facts, pods, _workloads(client, found, facts), first(pods, container_wait))
        if now != shown:
            pulumi.log.info(f"{title}: {now}")
            shown = now
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"{title} did not end within {props['patienceSeconds']} s: {_waits_for(found, facts, pods, failure)}"
            )
        time.sleep(POLL_SECONDS)


def _report(client: Client, found: Mapping[str, Any]) -> list[str]:
    """Mark a failure as reported. What to do where the cluster cannot: the reason of the failure matters more."""
    for _ in range(REPORT_TRIES):
        if client.annotate(found, {REPORTED: found["metadata"]["uid"]}):
            return []
        time.sleep(POLL_SECONDS)
    return [f"It could not be marked as reported: delete the {found['kind']} before the next `pulumi up --refresh`"]


def _workloads(client: Client, found: Mapping[str, Any], facts: EngineFacts) -> Sequence[Mapping[str, Any]]:
    """What Kueue made for a training that waits; none where it does not wait."""
    if not is_suspended(found, facts):
        return ()
    metadata = found["metadata"]
    return client.labelled(API_VERSION, "Workload", metadata["namespace"], f"{JOB_UID}={metadata['uid']}")


def _waits_for(
    found: Mapping[str, Any], facts: EngineFacts, pods: Sequence[Mapping[str, Any]], failure: str | None
) -> str:
    if is_suspended(found, facts):
        return "it waits in its queue; `kubectl get workloads` says for what"
    return failure or first(pods, container_wait) or "its pods run"


class Outcome(dynamic.Resource, module="training", name="Outcome"):
    """A training that has completed. Its creation fails with the reason when the training fails."""

    def __init__(self, name: str, args: OutcomeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = {
            "namespace": args.namespace,
            "name": args.name,
            "facts": asdict(args.facts),
            "patienceSeconds": args.patience_seconds,
            "retries": args.retries,
            **args.connection.properties,
        }
        super().__init__(_OutcomeProvider(), name, properties, opts)
