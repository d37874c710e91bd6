"""Why the API server refused a pod that a controller wanted to create. Pure functions."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

Object = Mapping[str, Any]
# Events of a controller whose pod, or whose claim for a pod, was refused.
REFUSALS = ("FailedCreate", "FailedResourceClaimCreation")
_QUOTA = re.compile(r"exceeded quota: (\S+), requested: (\S+), used: (\S+), limited: (\S+)")
_PRIORITY = re.compile(r"no PriorityClass with name (\S+) was found")
_SECURITY = re.compile(r'violates PodSecurity "(\w+):[^"]*": (.*)')
_FORBIDDEN = re.compile(r'^(?:Error creating: )?(?:\w+ "[^"]*" is forbidden: )?')


def why_refused(message: str) -> str:
    """Why the API server accepted no pod of a workload, from the message of its event."""
    if match := _QUOTA.search(message):
        requested, used, limited = (_amounts(match[index]) for index in (2, 3, 4))
        parts = [
            f"requests {amount} {_plain(name)}; quota {match[1]} allows {limited.get(name, '?')} in the namespace, "
            f"of which {used.get(name, '?')} are used"
            for name, amount in requested.items()
        ]
        return "; ".join(parts)
    if match := _PRIORITY.search(message):
        return f"there is no PriorityClass {match[1].strip(',')}; add it under priorities, or name another"
    if match := _SECURITY.search(message):
        return f"the namespace accepts only pods that meet the Pod Security Standard {match[1]}: {match[2]}"
    return _FORBIDDEN.sub("", message)


def _amounts(text: str) -> dict[str, str]:
    return {name: amount for name, _, amount in (part.partition("=") for part in text.split(",")) if amount}


def _plain(resource: str) -> str:
    """A resource as pods name it, from its name in a quota; claimed devices by their class."""
    return resource.removeprefix("requests.").replace(".deviceclass.resource.k8s.io/", " ")


def lacks_pods(workload: Object) -> bool:
    """Whether a Job or ReplicaSet has fewer pods than it should have now; a suspended Job has not.

    Of a pod: whether it has no node yet, as without the claims that it needs.
    """
    spec, status = workload["spec"], workload.get("status", {})
    if workload["kind"] == "Pod":
        return status.get("phase") == "Pending" and not spec.get("nodeName")
    if workload["kind"] == "Job":
        ended = any(
            item["type"] in ("Complete", "Failed") and item["status"] == "True" for item in status.get("conditions", [])
        )
        return not (spec.get("suspend") or ended or status.get("active", 0))
    return status.get("replicas", 0) < spec.get("replicas", 1)


def refusals(workloads: Iterable[Object], events: Iterable[Object]) -> list[tuple[Object, str]]:
    """The workloads that lack pods, and the pods that lack claims, because of refusals: with the reason of the last."""
    last: dict[str, Object] = {}
    for event in events:
        if event["reason"] in REFUSALS:
            uid, before = event["involvedObject"]["uid"], last.get(event["involvedObject"]["uid"])
            if before is None or _time(event) >= _time(before):
                last[uid] = event
    return [
        (workload, why_refused(last[workload["metadata"]["uid"]]["message"]))
        for workload in workloads
        if workload["metadata"]["uid"] in last and lacks_pods(workload)
    ]


def _time(event: Object) -> str:
    """When it happened last; times of this form sort as text."""
    return event.get("lastTimestamp") or event.get("eventTime") or ""
