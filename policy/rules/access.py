"""Least privilege in Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph.resources import Resource
from policy.graph.values import each, get
from policy.rules.model import Level, ResourceRule, Settings, StackRule, resource_rule

BROAD_VERBS = {"*", "escalate", "bind", "impersonate"}


@resource_rule(
    "rbac-no-wildcard",
    types=(
        "kubernetes:rbac.authorization.k8s.io/v1:Role",
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
    ),
    level=Level.MANDATORY,
    reason="each of them leads to every other permission",
    remedy="List the verbs and resources that are used.",
)
def rbac_no_wildcard(role: Resource, _: Settings) -> Iterator[str]:
    """No role has a wildcard, or may escalate, bind or impersonate."""
    for rule in each(role.props.get("rules")):
        for verb in each(get(rule, "verbs")):
            if verb in BROAD_VERBS:
                yield f"verb {verb} on {', '.join(map(str, each(get(rule, 'resources'))))}."
        if "*" in each(get(rule, "resources")):
            yield "every resource of the API group."


@resource_rule(
    "rbac-no-cluster-admin",
    types=(
        "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
    ),
    level=Level.MANDATORY,
    reason="people get cluster-admin through an access entry that is logged and can be revoked",
    remedy="Bind a role with the permissions that are needed.",
)
def rbac_no_cluster_admin(binding: Resource, _: Settings) -> Iterator[str]:
    """No binding grants cluster-admin, or binds a role to everybody."""
    if get(binding.props, "roleRef", "name") == "cluster-admin":
        yield "it binds cluster-admin."
    for subject in each(binding.props.get("subjects")):
        name = get(subject, "name")
        if name in ("system:unauthenticated", "system:anonymous", "system:authenticated"):
            yield f"it binds {name}."


RULES: tuple[ResourceRule | StackRule, ...] = (
    rbac_no_wildcard,
    rbac_no_cluster_admin,
)
