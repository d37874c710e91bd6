"""Workloads run confined, within limits, and survive the drain of a node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from policy.rules.model import (
    Level,
    Resource,
    ResourceRule,
    Settings,
    Stack,
    StackRule,
    resource_rule,
    stack_rule,
)
from policy.rules.pods import PLATFORM_NAMESPACES, Pod, pods, team_pods
from policy.rules.values import UNKNOWN, differs, each, get, may_hold, yes

JOB = "kubernetes:batch/v1:Job"
SERVERS = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet")
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
HOST_FLAGS = ("hostNetwork", "hostPID", "hostIPC")
SAFE_CAPABILITIES = ("NET_BIND_SERVICE",)
# Words of a variable's name that say its value is a secret, unless the name says that it only points to one.
SECRET_WORDS = {"PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIALS", "APIKEY"}
SECRET_PAIRS = {("API", "KEY"), ("ACCESS", "KEY"), ("PRIVATE", "KEY"), ("ENCRYPTION", "KEY")}
POINTERS = {"FILE", "PATH", "ARN", "NAME", "DIR", "SIZE", "LENGTH", "LIMIT"}
# Values that are secrets whatever their name: AWS and GitHub keys, private keys, a password in a URL.
SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^/\s@]+@"
)


def names_a_secret(name: str) -> bool:
    words = [word for word in re.split(r"[^A-Z0-9]+", name.upper()) if word]
    if not words or words[-1] in POINTERS:
        return False
    return bool(SECRET_WORDS & set(words)) or any(pair in SECRET_PAIRS for pair in pairwise(words))


def is_plain_secret(name: str, value: object) -> bool:
    return isinstance(value, str) and bool(value) and (names_a_secret(name) or bool(SECRET_VALUE.search(value)))


@resource_rule(
    "no-plain-secret",
    types=(),
    level=Level.MANDATORY,
    reason="it is readable in the object, the state's history and every crash report",
    remedy="Use a secret reference (secretKeyRef), or a mounted file.",
)
def no_plain_secret(resource: Resource, _: Settings) -> Iterator[str]:
    """No secret stands in clear in a variable or a ConfigMap."""
    for pod in pods(resource):
        for container in pod.containers:
            for variable in each(container.get("env")):
                name = str(get(variable, "name"))
                # The value is never part of the message.
                if is_plain_secret(name, get(variable, "value")):
                    yield f"variable {name} of container {container.get('name')} looks like a secret."
    if resource.type == "kubernetes:core/v1:ConfigMap":
        data: dict[str, Any] = get(resource.props, "data") or {}
        for key in [key for key in data if is_plain_secret(key, data[key])] if isinstance(data, dict) else []:
            yield f"key {key} looks like a secret."


def privileges(pod: Pod) -> Iterator[str]:
    """Ways of a pod out of its sandbox."""
    for flag in HOST_FLAGS:
        if yes(pod.spec.get(flag)):
            yield f"{flag} is true"
    for volume in each(pod.spec.get("volumes")):
        if get(volume, "hostPath") is not None:
            yield f"volume {get(volume, 'name')} is a hostPath"
    for container in pod.containers:
        if yes(get(container, "securityContext", "privileged")):
            yield f"container {container.get('name')} is privileged"
        for capability in each(get(container, "securityContext", "capabilities", "add")):
            if capability not in SAFE_CAPABILITIES:
                yield f"container {container.get('name')} adds {capability}"


@resource_rule(
    "no-privileged-pod",
    types=(),
    level=Level.MANDATORY,
    reason="a privileged pod owns its node, and the pods of other teams on it",
    remedy="Leave it out; for a part of the platform list its namespace in the policy configuration.",
    settings=PLATFORM_NAMESPACES,
)
def no_privileged_pod(resource: Resource, settings: Settings) -> Iterator[str]:
    """No pod outside the platform's namespaces is privileged or reaches into its node."""
    if resource.namespace is UNKNOWN or resource.namespace in settings["namespaces"]:
        return
    for pod in pods(resource):
        yield from (f"{privilege}." for privilege in privileges(pod))


def unrestricted(pod: Pod) -> Iterator[str]:
    """What keeps a pod from passing the `restricted` Pod Security Standard, besides privileges.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    shared = get(pod.spec, "securityContext")
    for container in pod.containers:
        own, name = get(container, "securityContext"), container.get("name")
        if differs(get(own, "allowPrivilegeEscalation"), False):
            yield f"container {name}: allowPrivilegeEscalation is not false"
        if not may_hold(get(own, "capabilities", "drop"), "ALL"):
            yield f"container {name}: capabilities do not drop ALL"
        non_root = get(own, "runAsNonRoot")
        if differs(get(shared, "runAsNonRoot") if non_root is None else non_root, True):
            yield f"container {name}: runAsNonRoot is not true"
        seccomp = get(own, "seccompProfile", "type") or get(shared, "seccompProfile", "type")
        if differs(seccomp, "RuntimeDefault", "Localhost"):
            yield f"container {name}: seccompProfile is not RuntimeDefault"


@stack_rule(
    "pod-restricted",
    level=Level.MANDATORY,
    reason="the namespace would refuse the pod, and the update would wait for it in vain",
    remedy="Use the security contexts of components/pods.py.",
)
def pod_restricted(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every pod of a team passes the restricted Pod Security Standard."""
    for pod in team_pods(stack):
        yield from ((pod.owner, f"{fault}.") for fault in unrestricted(pod))


@stack_rule(
    "container-limited",
    level=Level.MANDATORY,
    reason="without requests the scheduler packs blindly, without limits one pod starves its neighbours",
    remedy="Set resources.requests and resources.limits for cpu and memory.",
)
def container_limited(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every container of a team has requests and limits."""
    for pod in team_pods(stack):
        for container in pod.containers:
            for part in ("requests", "limits"):
                given = get(container, "resources", part)
                missing = [key for key in ("cpu", "memory") if get(given, key) is None]
                if missing:
                    yield (
                        pod.owner,
                        f"container {container.get('name')} has no {part} for {' and '.join(missing)}.",
                    )


@stack_rule(
    "server-probed",
    level=Level.MANDATORY,
    reason="without readiness a rollout sends requests to pods that cannot answer yet",
    remedy="Add readinessProbe and livenessProbe to the container that serves.",
)
def server_probed(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every server of a team says when it is ready and when it is alive."""
    for server in stack.of_teams(*SERVERS):
        serving = get(server.props, "spec", "template", "spec", "containers")
        for probe in ("readinessProbe", "livenessProbe"):
            if serving is not UNKNOWN and not any(get(container, probe) for container in serving or []):
                yield server, f"no container has a {probe}."


def selects(selector: Any, labels: Any) -> bool:
    """Whether a label selector (matchLabels only) selects a pod with these labels; an unknown one may."""
    wanted = get(selector, "matchLabels")
    if wanted is UNKNOWN or labels is UNKNOWN:
        return True
    return bool(wanted) and all(
        UNKNOWN in (value, get(labels, key)) or get(labels, key) == value for key, value in wanted.items()
    )


@stack_rule(
    "server-has-disruption-budget",
    level=Level.MANDATORY,
    reason="the drain of a node pool would otherwise stop all replicas at once",
    remedy="Add a PodDisruptionBudget that selects the pods of the server.",
)
def server_has_disruption_budget(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every server of a team has a PodDisruptionBudget."""
    budgets = stack.of(BUDGET)
    for server in stack.of_teams(*SERVERS):
        labels = get(server.props, "spec", "template", "metadata", "labels")
        near = [b for b in budgets if UNKNOWN in (b.namespace, server.namespace) or b.namespace == server.namespace]
        if not any(selects(get(budget.props, "spec", "selector"), labels) for budget in near):
            yield server, "no PodDisruptionBudget selects its pods."


@resource_rule(
    "disruption-budget-allows-drain",
    types=(BUDGET,),
    level=Level.MANDATORY,
    reason="a node that cannot be drained blocks every upgrade",
    remedy="Set maxUnavailable to at least 1.",
)
def disruption_budget_allows_drain(budget: Resource, _: Settings) -> Iterator[str]:
    """A PodDisruptionBudget lets at least one pod go."""
    spec = get(budget.props, "spec")
    if get(spec, "maxUnavailable") in (0, "0", "0%") or get(spec, "minAvailable") == "100%":
        yield "it never allows a pod to be evicted."


@resource_rule(
    "job-kept-until-replaced",
    types=(JOB,),
    level=Level.MANDATORY,
    reason="a Job that removes itself is drift: the next refresh would train again",
    remedy="Leave ttlSecondsAfterFinished out: the Job goes when its successor has come.",
)
def job_kept_until_replaced(job: Resource, _: Settings) -> Iterator[str]:
    """A managed Job does not delete itself."""
    if differs(get(job.props, "spec", "ttlSecondsAfterFinished"), None):
        yield "ttlSecondsAfterFinished is set."


@resource_rule(
    "job-bounded",
    types=(JOB,),
    level=Level.ADVISORY,
    reason="some trainings have no sensible upper bound",
    remedy="Set activeDeadlineSeconds, and a backoffLimit of at most 10.",
)
def job_bounded(job: Resource, _: Settings) -> Iterator[str]:
    """A Job ends: after some time, and after some tries."""
    if get(job.props, "spec", "activeDeadlineSeconds") is None:
        yield "it has no activeDeadlineSeconds."
    tries = get(job.props, "spec", "backoffLimit")
    if isinstance(tries, int | float) and tries > 10:
        yield f"backoffLimit is {int(tries)}."


RULES: tuple[ResourceRule | StackRule, ...] = (
    no_plain_secret,
    no_privileged_pod,
    pod_restricted,
    container_limited,
    server_probed,
    server_has_disruption_budget,
    disruption_budget_allows_drain,
    job_kept_until_replaced,
    job_bounded,
)
