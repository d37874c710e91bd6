"""What Prometheus may see of a cluster where it does not come with the chart: only the namespaces that let it in."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from components.monitoring import access
from components.monitoring.names import DISCOVERY_ROLE, NAMESPACE, PROMETHEUS, READER_ROLE, labels

RBAC = "rbac.authorization.k8s.io"


def prometheus_rights(
    name: str,
    own: pulumi.Input[str],
    places: Mapping[str, pulumi.Input[str] | None],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """The account of Prometheus, and the namespaces in which it looks for targets. Teams' namespaces join by
    `TeamMonitoring`.

    own: the namespace of the account. places: namespaces by what they are called in names of resources.
    """
    account = k8s.core.v1.ServiceAccount(
        f"{name}-prometheus-account",
        metadata={"name": PROMETHEUS, "namespace": own, "labels": labels(PROMETHEUS)},
        automount_service_account_token=False,
        opts=opts,
    )
    made: list[pulumi.Resource] = [account]
    for role, rules in ((READER_ROLE, access.reader_rules()), (DISCOVERY_ROLE, access.discovery_rules())):
        made.append(
            k8s.rbac.v1.ClusterRole(
                f"{name}-role-{role.rpartition(':')[2]}",
                metadata={"name": role, "labels": labels(PROMETHEUS)},
                rules=rules,
                opts=opts,
            )
        )
    made.append(
        k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-reader-binding",
            metadata={"name": READER_ROLE, "labels": labels(PROMETHEUS)},
            role_ref={"api_group": RBAC, "kind": "ClusterRole", "name": READER_ROLE},
            subjects=[{"kind": "ServiceAccount", "name": PROMETHEUS, "namespace": own}],
            opts=opts,
        )
    )
    made += [
        discovery_binding(f"{name}-discovery-{place}", namespace, labels(PROMETHEUS), opts)
        for place, namespace in places.items()
        if namespace is not None
    ]
    return made


def discovery_binding(
    name: str, namespace: pulumi.Input[str], object_labels: dict[str, str], opts: pulumi.ResourceOptions
) -> k8s.rbac.v1.RoleBinding:
    """Lets Prometheus look for targets in a namespace."""
    return k8s.rbac.v1.RoleBinding(
        name,
        metadata={"name": DISCOVERY_ROLE.replace(":", "-"), "namespace": namespace, "labels": object_labels},
        role_ref={"api_group": RBAC, "kind": "ClusterRole", "name": DISCOVERY_ROLE},
        subjects=[{"kind": "ServiceAccount", "name": PROMETHEUS, "namespace": NAMESPACE}],
        opts=opts,
    )
