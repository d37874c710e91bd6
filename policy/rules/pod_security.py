"""Pods run confined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policy.graph.pods import Pod, parts, team_pods
from policy.graph.resources import Resource, Stack
from policy.graph.values import UNKNOWN, differs, each, get, may_hold, yes
from policy.rules.model import Level, ResourceRule, Setting, Settings, StackRule, resource_rule, stack_rule

HOST_FLAGS = ("hostNetwork", "hostPID", "hostIPC")
SAFE_CAPABILITIES = ("NET_BIND_SERVICE",)
# Namespaces of device plugins, node exporters and the like, whose pods need privileges.
PLATFORM_NAMESPACES = {
    "namespaces": Setting(
        default=("kube-system", "gpu-operator", "logging-nodes", "monitoring-nodes"),
        description="platform namespaces whose pods may be privileged",
    )
}


def privileges(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    """Ways out of the sandbox that a pod spec, a container or a part of one opens."""
    for flag in HOST_FLAGS:
        if yes(part.get(flag)):
            yield f"{flag} is true"
    for volume in each(part.get("volumes")):
        if get(volume, "hostPath") is not None:
            yield f"volume {get(volume, 'name')} is a hostPath"
    if yes(get(part, "securityContext", "privileged")):
        yield f"container {name} is privileged"
    for capability in each(get(part, "securityContext", "capabilities", "add")):
        if capability not in SAFE_CAPABILITIES:
            yield f"container {name} adds {capability}"


@resource_rule(
    "no-privileged-pod",
    types=(),
    level=Level.MANDATORY,
    reason="a privileged pod owns its node, and the pods of other teams on it",
    remedy="Remove it; for a part of the platform add its namespace to `namespaces` in the policy configuration.",
    settings=PLATFORM_NAMESPACES,
)
def no_privileged_pod(resource: Resource, settings: Settings) -> Iterator[str]:
    """No pod outside the platform's namespaces is privileged or reaches into its node."""
    if resource.namespace is UNKNOWN or resource.namespace in settings["namespaces"]:
        return
    for name, part in parts(resource):
        yield from (f"{privilege}." for privilege in privileges(name, part))


def list_gaps(pod: Pod) -> Iterator[str]:
    """What a pod lacks, besides privileges, to pass the `restricted` Pod Security Standard.

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
    reason="the namespace would refuse the pod, and the update would wait for it until it times out",
    remedy="Use the security contexts of components/pods.py. Give one to containers that an operator adds, too: in "
    "submitterPodTemplate, autoscalerOptions or componentSpecs.",
)
def pod_restricted(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every pod of a team passes the restricted Pod Security Standard, also those that an operator makes."""
    for pod in team_pods(stack):
        yield from ((pod.owner, f"{gap}.") for gap in list_gaps(pod))


@stack_rule(
    "workload-without-api-token",
    level=Level.ADVISORY,
    reason="controllers that a team deploys itself may need one",
    remedy="Set automountServiceAccountToken to false in the pod.",
)
def workload_without_api_token(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """A team's pods hold no token for the Kubernetes API."""
    for pod in team_pods(stack):
        if differs(pod.spec.get("automountServiceAccountToken"), False):
            yield pod.owner, "automountServiceAccountToken is not false."


RULES: tuple[ResourceRule | StackRule, ...] = (no_privileged_pod, pod_restricted, workload_without_api_token)
