"""Why a pod waits for a node, or was never made: in words that say what to change. Pure functions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from components.gpu.resources import GPU
from components.labels import TEAM_LABEL
from components.placement import POOL_LABEL
from components.quantities import parse_quantity

Object = Mapping[str, Any]
# A pod that has ended takes nothing of its node any more.
ENDED = ("Succeeded", "Failed")
# Taints that Kubernetes itself puts on nodes in trouble, and the effects that keep a pod away.
KEEPS_AWAY = ("NoSchedule", "NoExecute")
MOST_NAMES = 3
BYTES = ("memory", "ephemeral-storage")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The nodes and all pods of a cluster, as its API has them."""

    nodes: Sequence[Object]
    pods: Sequence[Object]

    @cached_property
    def used(self) -> Mapping[str, Mapping[str, Fraction]]:
        """What the pods of each node have reserved, by resource name."""
        sums: dict[str, dict[str, Fraction]] = {}
        for pod in self.pods:
            if pod["spec"].get("nodeName") and pod["status"].get("phase") not in ENDED:
                node = sums.setdefault(pod["spec"]["nodeName"], {})
                for name, amount in requests(pod).items():
                    node[name] = node.get(name, Fraction(0)) + amount
        return sums


def requests(pod: Object) -> dict[str, Fraction]:
    """What a pod asks for, by resource name: the sum of its containers."""
    total: dict[str, Fraction] = {}
    for container in pod["spec"]["containers"]:
        for name, text in container.get("resources", {}).get("requests", {}).items():
            total[name] = total.get(name, Fraction(0)) + parse_quantity(text)
    return total


def why_unscheduled(pod: Object, cluster: Snapshot, message: str) -> str:
    """Why no node takes a pod. `message` is what the scheduler says, which stands where nothing clearer is found."""
    open_nodes = [node for node in cluster.nodes if not node["spec"].get("unschedulable")]
    chosen = [node for node in open_nodes if _is_chosen(node, pod)]
    if not chosen:
        return _no_such_node(pod) or message
    asked = requests(pod)
    for name, amount in asked.items():
        largest = max(chosen, key=lambda node: allocatable(node, name))
        if amount > (most := allocatable(largest, name)):
            if not most:
                return f"asks for {shown(name, amount)}, which no node{_of_pool(pod)} offers"
            return f"asks for {shown(name, amount)}; the largest node has {quantity(name, most)} ({_name(largest)})"
    fitting = [node for node in chosen if all(amount <= allocatable(node, name) for name, amount in asked.items())]
    if not fitting:
        return f"asks for {_list(shown(name, amount) for name, amount in asked.items())}; no node has all of that"
    borne = [node for node in fitting if not _repelling(node, pod)]
    if not borne:
        return _tainted(fitting, pod)
    for name, amount in asked.items():
        free = {_name(node): allocatable(node, name) - used_of(cluster, node, name) for node in borne}
        freest = max(free, key=lambda node: free[node])
        if amount > free[freest]:
            left = max(free[freest], Fraction(0))
            return f"asks for {shown(name, amount)}; no node has more free than {quantity(name, left)} ({freest})"
    return message


def used_of(cluster: Snapshot, node: Object, resource: str) -> Fraction:
    return cluster.used.get(_name(node), {}).get(resource, Fraction(0))


def allocatable(node: Object, resource: str) -> Fraction:
    return parse_quantity(node["status"].get("allocatable", {}).get(resource, "0"))


def shown(resource: str, amount: Fraction) -> str:
    """`9 nvidia.com/gpu`, `64Gi memory`."""
    return f"{quantity(resource, amount)} {resource}"


def quantity(resource: str, amount: Fraction) -> str:
    return f"{number(amount / 2**30)}Gi" if resource in BYTES else number(amount)


def number(amount: Fraction) -> str:
    return str(amount.numerator) if amount.denominator == 1 else f"{float(amount):.2f}".rstrip("0").rstrip(".")


def _name(node: Object) -> str:
    return node["metadata"]["name"]


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)


def _of_pool(pod: Object) -> str:
    pool = pod["spec"].get("nodeSelector", {}).get(POOL_LABEL)
    return f" of pool {pool}" if pool else ""


def _is_chosen(node: Object, pod: Object) -> bool:
    """Whether a node has the labels that a pod demands."""
    labels = node["metadata"].get("labels", {})
    selector = pod["spec"].get("nodeSelector", {})
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    terms = _required(pod)
    return not terms or any(all(_meets(labels, one) for one in term.get("matchExpressions", [])) for term in terms)


def _required(pod: Object) -> list[Object]:
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    return affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])


def _meets(labels: Mapping[str, str], expression: Object) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", [])
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            # Gt and Lt: nobody here writes them, and a node too many only makes the answer less sharp.
            return True


def _no_such_node(pod: Object) -> str:
    wanted = [
        f"pool {value}" if key == POOL_LABEL else f"label {key}={value}"
        for key, value in pod["spec"].get("nodeSelector", {}).items()
    ]
    wanted += [
        f"{one['key']} in {one.get('values', [])}"
        for term in _required(pod)
        for one in term.get("matchExpressions", [])
    ]
    return f"there is no node of {_list(wanted)}" if wanted else ""


def _repelling(node: Object, pod: Object) -> list[Object]:
    """The taints of a node that a pod does not bear."""
    tolerations = pod["spec"].get("tolerations", [])
    taints = [taint for taint in node["spec"].get("taints", []) if taint["effect"] in KEEPS_AWAY]
    return [taint for taint in taints if not any(_bears(one, taint) for one in tolerations)]


def _bears(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, taint["key"])
    return (toleration.get("key"), toleration.get("value", "")) == (taint["key"], taint.get("value", ""))


def _tainted(nodes: Sequence[Object], pod: Object) -> str:
    """All nodes that would do keep the pod away."""
    reasons = dict.fromkeys(_reason(taint) for node in nodes for taint in _repelling(node, pod))
    names = _list(_name(node) for node in nodes[:MOST_NAMES])
    more = f" and {len(nodes) - MOST_NAMES} more" if len(nodes) > MOST_NAMES else ""
    return f"the nodes that would do ({names}{more}) keep it away: {'; '.join(reasons)}"


def _reason(taint: Object) -> str:
    if taint["key"] == GPU:
        return "they are for work that asks for GPUs, with a toleration of nvidia.com/gpu"
    if taint["key"] == TEAM_LABEL:
        return f"they are dedicated to team {taint.get('value')}"
    return f"taint {taint['key']}" + (f"={taint['value']}" if taint.get("value") else "")


# --- pods that were never made ----------------------------------------------------------------------------------

# Events of a controller whose pod, or whose claim for a pod, was refused.
REFUSALS = ("FailedCreate", "FailedResourceClaimCreation")
_QUOTA = re.compile(r"exceeded quota: (\S+), requested: (\S+), used: (\S+), limited: (\S+)")
_PRIORITY = re.compile(r"no PriorityClass with name (\S+) was found")
_SECURITY = re.compile(r'violates PodSecurity "(\w+):[^"]*": (.*)')
_FORBIDDEN = re.compile(r'^(?:Error creating: )?(?:\w+ "[^"]*" is forbidden: )?')


def why_refused(message: str) -> str:
    """Why the API server took no pod of a workload, from the message of its event."""
    if match := _QUOTA.search(message):
        asked, used, limited = (_amounts(match[index]) for index in (2, 3, 4))
        parts = [
            f"asks for {amount} {_plain(name)}, and of the {limited.get(name, '?')} that quota {match[1]} has, "
            f"{used.get(name, '?')} are in use"
            for name, amount in asked.items()
        ]
        return "; ".join(parts)
    if match := _PRIORITY.search(message):
        return f"there is no PriorityClass {match[1].strip(',')}; add it under priorities, or name another"
    if match := _SECURITY.search(message):
        return f"the namespace takes only pods that pass {match[1]}: {match[2]}"
    return _FORBIDDEN.sub("", message)


def _amounts(text: str) -> dict[str, str]:
    return {name: amount for name, _, amount in (part.partition("=") for part in text.split(",")) if amount}


def _plain(resource: str) -> str:
    """A quota's word for a resource as people know it; devices that are claimed go by their class."""
    return resource.removeprefix("requests.").replace(".deviceclass.resource.k8s.io/", " ")


def lacks_pods(workload: Object) -> bool:
    """Whether a Job or ReplicaSet has fewer pods than it wants, and is not kept from making them on purpose.

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
    """The workloads that lack pods, and pods that lack claims, because the API server refuses them: why it did last."""
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
