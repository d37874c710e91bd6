"""Who may do what in a team's namespace: three roles, each with all that the one before it has.

No rule has a wildcard, and none allows `escalate`, `bind` or `impersonate`. Quotas, limits, network policies
and access itself belong to the stack: nobody changes them from within a team.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from components.training.engines import ENGINES

if TYPE_CHECKING:
    from pulumi_kubernetes.rbac import v1 as rbac

Role = Literal["viewer", "developer", "owner"]
ROLES: tuple[Role, ...] = get_args(Role)

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "patch", "update")


@dataclass(frozen=True)
class Grant:
    """Verbs on resources of one API group (`""` is the core group)."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


# Secrets are missing here, and so is all that would let a viewer run something.
VIEWER = (
    Grant(
        "",
        (
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "persistentvolumeclaims",
            "pods",
            "pods/log",
            "resourcequotas",
            "serviceaccounts",
            "services",
        ),
        READ,
    ),
    Grant("apps", ("deployments", "replicasets", "statefulsets"), READ),
    Grant("autoscaling", ("horizontalpodautoscalers",), READ),
    Grant("batch", ("cronjobs",), READ),
    *(Grant(engine.group, (engine.resource,), READ) for engine in ENGINES),
    Grant("discovery.k8s.io", ("endpointslices",), READ),
    Grant("events.k8s.io", ("events",), READ),
    # Why training waits.
    Grant("kueue.x-k8s.io", ("localqueues", "workloads"), READ),
    Grant("metrics.k8s.io", ("pods",), ("get", "list")),
    Grant("networking.k8s.io", ("networkpolicies",), READ),
    Grant("policy", ("poddisruptionbudgets",), READ),
    Grant("rbac.authorization.k8s.io", ("rolebindings", "roles"), READ),
)

# A developer reads no secret through the API. A pod that a developer starts can still mount one: Kubernetes
# draws no line there, so what a team's developers must not know does not belong in the team's namespace.
DEVELOPER = (
    *VIEWER,
    Grant("", ("configmaps", "persistentvolumeclaims", "pods", "services"), WRITE),
    Grant("", ("pods/attach", "pods/exec", "pods/portforward"), ("create", "get")),
    Grant("apps", ("deployments", "statefulsets"), WRITE),
    Grant("apps", ("deployments/scale", "statefulsets/scale"), ("get", "patch", "update")),
    Grant("autoscaling", ("horizontalpodautoscalers",), WRITE),
    Grant("batch", ("cronjobs",), WRITE),
    *(Grant(engine.group, (engine.resource,), WRITE) for engine in ENGINES),
    Grant("policy", ("poddisruptionbudgets",), WRITE),
)

OWNER = (
    *DEVELOPER,
    Grant("", ("secrets",), (*READ, *WRITE)),
    Grant("", ("serviceaccounts",), WRITE),
)

GRANTS: dict[Role, tuple[Grant, ...]] = {"viewer": VIEWER, "developer": DEVELOPER, "owner": OWNER}


def role_rules(role: Role) -> list[rbac.PolicyRuleArgsDict]:
    """The rules of a namespaced Role."""
    return [
        {"api_groups": [grant.group], "resources": list(grant.resources), "verbs": list(grant.verbs)}
        for grant in GRANTS[role]
    ]
