"""Why no node takes a pod, in words that say what to change. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from components.gpu_resources import GPU
from components.labels import TEAM_LABEL
from components.placement import POOL_LABEL
from components.quantities import parse_quantity

Object = Mapping[str, Any]
# A pod that has ended uses nothing of its node any more.
ENDED = ("Succeeded", "Failed")
# The effects of a taint that keep a pod away.
REPELLING = ("NoSchedule", "NoExecute")
MOST_NAMES = 3
BYTES = ("memory", "ephemeral-storage")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The nodes and all pods of a cluster, as its API returns them."""

    nodes: Sequence[Object]
    pods: Sequence[Object]

    @cached_property
    def used(self) -> Mapping[str, Mapping[str, Fraction]]:
        """What the pods of each node request in total: by node, then by resource name."""
        sums: dict[str, dict[str, Fraction]] = {}
        for pod in self.pods:
            if pod["spec"].get("nodeName") and pod["status"].get("phase") not in ENDED:
                node = sums.setdefault(pod["spec"]["nodeName"], {})
                for name, amount in requests(pod).items():
                    node[name] = node.get(name, Fraction(0)) + amount
        return sums


def requests(pod: Object) -> dict[str, Fraction]:
    """What a pod requests, by resource name: the sum of its containers."""
    total: dict[str, Fraction] = {}
    for container in pod["spec"]["containers"]:
        for name, text in container.get("resources", {}).get("requests", {}).items():
            total[name] = total.get(name, Fraction(0)) + parse_quantity(text)
    return total


def why_unscheduled(pod: Object, cluster: Snapshot, message: str) -> str:
    """Why no node takes a pod; the scheduler's own `message` where nothing clearer is found."""
    open_nodes = [node for node in cluster.nodes if not node["spec"].get("unschedulable")]
    selected = [node for node in open_nodes if _is_selected(node, pod)]
    if not selected:
        return _no_such_node(pod) or message
    requested = requests(pod)
    for name, amount in requested.items():
        largest = max(selected, key=lambda node: allocatable(node, name))
        if amount > (most := allocatable(largest, name)):
            if not most:
                return f"requests {shown(name, amount)}, which no node{_of_pool(pod)} has"
            return f"requests {shown(name, amount)}; the largest node has {quantity(name, most)} ({_name(largest)})"
    fitting = [
        node for node in selected if all(amount <= allocatable(node, name) for name, amount in requested.items())
    ]
    if not fitting:
        return f"requests {_list(shown(name, amount) for name, amount in requested.items())}; no node has all of that"
    tolerated = [node for node in fitting if not _repelling_taints(node, pod)]
    if not tolerated:
        return _repelled(fitting, pod)
    for name, amount in requested.items():
        free = {_name(node): allocatable(node, name) - used_of(cluster, node, name) for node in tolerated}
        freest = max(free, key=lambda node: free[node])
        if amount > free[freest]:
            left = max(free[freest], Fraction(0))
            return f"requests {shown(name, amount)}; no node has more than {quantity(name, left)} free ({freest})"
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


def _is_selected(node: Object, pod: Object) -> bool:
    """Whether a node has the labels that a pod requires."""
    labels = node["metadata"].get("labels", {})
    selector = pod["spec"].get("nodeSelector", {})
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    terms = _required_terms(pod)
    return not terms or any(
        all(_matches(labels, expression) for expression in term.get("matchExpressions", [])) for term in terms
    )


def _required_terms(pod: Object) -> list[Object]:
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    return affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])


def _matches(labels: Mapping[str, str], expression: Object) -> bool:
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
            # Gt and Lt: nothing here uses them, and a node too many only makes the answer less precise.
            return True


def _no_such_node(pod: Object) -> str:
    required = [
        f"in pool {value}" if key == POOL_LABEL else f"with label {key}={value}"
        for key, value in pod["spec"].get("nodeSelector", {}).items()
    ]
    required += [
        f"with {expression['key']} in {expression.get('values', [])}"
        for term in _required_terms(pod)
        for expression in term.get("matchExpressions", [])
    ]
    return f"there is no node {_list(required)}" if required else ""


def _repelling_taints(node: Object, pod: Object) -> list[Object]:
    """The taints of a node that a pod does not tolerate."""
    tolerations = pod["spec"].get("tolerations", [])
    taints = [taint for taint in node["spec"].get("taints", []) if taint["effect"] in REPELLING]
    return [taint for taint in taints if not any(_tolerates(one, taint) for one in tolerations)]


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, taint["key"])
    return (toleration.get("key"), toleration.get("value", "")) == (taint["key"], taint.get("value", ""))


def _repelled(nodes: Sequence[Object], pod: Object) -> str:
    """Every node that is large enough has a taint that the pod does not tolerate."""
    taints = dict.fromkeys(_described(taint) for node in nodes for taint in _repelling_taints(node, pod))
    names = _list(_name(node) for node in nodes[:MOST_NAMES])
    more = f" and {len(nodes) - MOST_NAMES} more" if len(nodes) > MOST_NAMES else ""
    return f"does not tolerate the taints of the nodes that fit ({names}{more}): {'; '.join(taints)}"


def _described(taint: Object) -> str:
    if taint["key"] == GPU:
        return f"{GPU}, for pods that request GPUs"
    if taint["key"] == TEAM_LABEL:
        return f"dedicated to team {taint.get('value')}"
    return taint["key"] + (f"={taint['value']}" if taint.get("value") else "")
