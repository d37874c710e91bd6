"""The Prometheus Operator on its own: it makes Prometheus and Alertmanager of the objects that say how they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.monitoring import access
from components.monitoring.names import OPERATOR, PROGRAM, labels, selector
from components.platform.pods import platform_container, platform_pod
from components.platform.sources import Sources

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta
    from pulumi_kubernetes.rbac import v1 as rbac

PORT = 8080
CLUSTER_ROLE = "ml-platform:prometheus-operator"


@dataclass(frozen=True, kw_only=True)
class PrometheusOperatorArgs:
    """`namespace`: where the operator runs, and the only one in which it makes anything.

    `definitions` are the CRDs: an operator that starts before them ignores them until it restarts.
    """

    namespace: pulumi.Input[str]
    namespace_name: str
    sources: Sources
    definitions: Sequence[pulumi.Resource]


def operator_arguments(*, namespace: str, reloader: str) -> list[str]:
    return [
        f"--prometheus-config-reloader={reloader}",
        # The same for its requests and limits: a sidecar of a few MB that must never be the one that is evicted.
        "--config-reloader-cpu-request=10m",
        "--config-reloader-cpu-limit=100m",
        "--config-reloader-memory-request=50Mi",
        "--config-reloader-memory-limit=50Mi",
        f"--prometheus-instance-namespaces={namespace}",
        f"--alertmanager-instance-namespaces={namespace}",
        f"--alertmanager-config-namespaces={namespace}",
        f"--thanos-ruler-instance-namespaces={namespace}",
        f"--web.listen-address=:{PORT}",
        "--log-level=warn",
    ]


class PrometheusOperator(pulumi.ComponentResource):
    """A Prometheus Operator that runs when this component is there, with no right that it does not need."""

    def __init__(self, name: str, args: PrometheusOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:monitoring:PrometheusOperator", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        metadata: meta.ObjectMetaArgsDict = {"name": OPERATOR, "namespace": args.namespace, "labels": labels(OPERATOR)}
        cluster_metadata: meta.ObjectMetaArgsDict = {"name": CLUSTER_ROLE, "labels": labels(OPERATOR)}
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
        )
        subjects: list[rbac.SubjectArgsDict] = [
            {"kind": "ServiceAccount", "name": OPERATOR, "namespace": args.namespace}
        ]
        group = "rbac.authorization.k8s.io"
        rights: list[pulumi.Resource] = [
            k8s.rbac.v1.ClusterRole(
                f"{name}-cluster-role", metadata=cluster_metadata, rules=access.operator_cluster_rules(), opts=child
            ),
            k8s.rbac.v1.ClusterRoleBinding(
                f"{name}-cluster-role-binding",
                metadata=cluster_metadata,
                role_ref={"api_group": group, "kind": "ClusterRole", "name": CLUSTER_ROLE},
                subjects=subjects,
                opts=child,
            ),
            k8s.rbac.v1.Role(f"{name}-role", metadata=metadata, rules=access.operator_rules(), opts=child),
            k8s.rbac.v1.RoleBinding(
                f"{name}-role-binding",
                metadata=metadata,
                role_ref={"api_group": group, "kind": "Role", "name": OPERATOR},
                subjects=subjects,
                opts=child,
            ),
        ]
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata,
            spec={
                "replicas": 1,
                "selector": {"match_labels": selector(OPERATOR)},
                "template": {"metadata": {"labels": labels(OPERATOR)}, "spec": operator_pod(args)},
            },
            # It looks once, at its start, which kinds it may handle.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[account, *rights, *args.definitions]),
        )
        self.register_outputs({})


def operator_pod(args: PrometheusOperatorArgs) -> core.PodSpecArgsDict:
    arguments = operator_arguments(
        namespace=args.namespace_name, reloader=args.sources.image("prometheus-config-reloader")
    )
    main = platform_container(
        OPERATOR,
        args.sources.image(OPERATOR),
        *arguments,
        cpu="20m",
        memory="128Mi",
        port=(PROGRAM, PORT),
    )
    main["readiness_probe"] = {"http_get": {"path": "/healthz", "port": PROGRAM}, "period_seconds": 2}
    main["liveness_probe"] = {"http_get": {"path": "/healthz", "port": PROGRAM}, "period_seconds": 15}
    return platform_pod(main, service_account=OPERATOR, token=True)
