"""What every team's namespace has, so that teams can share a cluster."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph.resources import Resource, Stack
from policy.graph.values import UNKNOWN, differs, get, may_hold
from policy.rules.model import Level, ResourceRule, Settings, StackRule, stack_rule

ENFORCE = "pod-security.kubernetes.io/enforce"


def inside(stack: Stack, namespace: Resource, resource_type: str) -> list[Resource]:
    """Objects of a type in a namespace, or in one that is not known yet and may be this."""
    name = get(namespace.props, "metadata", "name")
    return [item for item in stack.of(resource_type) if item.namespace == name or UNKNOWN in (item.namespace, name)]


@stack_rule(
    "namespace-restricted",
    level=Level.MANDATORY,
    reason="the API server itself then refuses pods that reach into their node",
    remedy=f"Label the namespace {ENFORCE}: restricted.",
)
def namespace_restricted(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """A team's namespace enforces the restricted Pod Security Standard."""
    for space in stack.team_namespaces():
        level = get(space.props, "metadata", "labels", ENFORCE)
        if differs(level, "restricted"):
            yield space, f"{ENFORCE} is {level or 'missing'}."


@stack_rule(
    "namespace-has-quota",
    level=Level.MANDATORY,
    reason="one team could otherwise take every GPU, and run up the bill",
    remedy="Give the team a quota in the stack file (cpu, memory and, where it uses them, gpus).",
)
def namespace_has_quota(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """A team's namespace has a ResourceQuota."""
    for space in stack.team_namespaces():
        quotas = inside(stack, space, "kubernetes:core/v1:ResourceQuota")
        if not any(get(quota.props, "spec", "hard") for quota in quotas):
            yield space, "no ResourceQuota."


@stack_rule(
    "namespace-has-limit-range",
    level=Level.ADVISORY,
    reason="workloads of this project set their own limits; a LimitRange serves what people start by hand",
    remedy="Add a LimitRange with defaults for cpu and memory.",
)
def namespace_has_limit_range(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """A team's namespace has a LimitRange."""
    for space in stack.team_namespaces():
        if not inside(stack, space, "kubernetes:core/v1:LimitRange"):
            yield space, "no LimitRange."


def denied_by_default(policies: list[Resource]) -> set[str]:
    """The directions, of Ingress and Egress, that some policy without rules closes, or may close, for all pods."""
    return {
        direction
        for policy in policies
        for direction in ("Ingress", "Egress")
        if may_hold(get(policy.props, "spec", "policyTypes"), direction)
        and get(policy.props, "spec", "podSelector") in (None, {}, UNKNOWN)
        and get(policy.props, "spec", direction.lower()) in (None, [], UNKNOWN)
    }


@stack_rule(
    "namespace-denies-by-default",
    level=Level.MANDATORY,
    reason="otherwise every pod reaches every other team's servers",
    remedy="Add a NetworkPolicy with an empty podSelector, policyTypes [Ingress, Egress] and no rules.",
)
def namespace_denies_by_default(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """A team's namespace denies traffic that no NetworkPolicy allows, in both directions."""
    for space in stack.team_namespaces():
        policies = inside(stack, space, "kubernetes:networking.k8s.io/v1:NetworkPolicy")
        for direction in sorted({"Ingress", "Egress"} - denied_by_default(policies)):
            yield space, f"{direction} is not denied by default."


RULES: tuple[ResourceRule | StackRule, ...] = (
    namespace_restricted,
    namespace_has_quota,
    namespace_has_limit_range,
    namespace_denies_by_default,
)
