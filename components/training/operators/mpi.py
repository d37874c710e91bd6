"""mpi-operator, which runs MPIJobs: a launcher and workers that it reaches by ssh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import namespaces
from components.platform.connection import Connection
from components.platform.controller import Controller, ControllerArgs, Probe
from components.platform.definitions import Definitions, DefinitionsArgs
from components.platform.operator import namespace_labels
from components.platform.sources import Sources

if TYPE_CHECKING:
    from pulumi_kubernetes.rbac import v1 as rbac

TITLE = "mpi-operator"
COMPONENT = "training"
NAMESPACE = namespaces.MPI
DEFINITIONS = "mpi-operator-crds"
GROUP = "kubeflow.org"
#: Fixed in the program's code.
PROBE_PORT = 8080
METRICS_PORT = 8081


@dataclass(frozen=True, kw_only=True)
class MpiOperatorArgs:
    """Where its image and its definition come from, and the cluster that gets them."""

    sources: Sources
    connection: Connection
    namespace: str = NAMESPACE


def arguments(namespace: str) -> list[str]:
    return [
        f"--lock-namespace={namespace}",
        f"--monitoring-port={METRICS_PORT}",
        # Its own limits, 5 and 10, make a gang of some dozen workers wait for each other.
        "--kube-api-qps=50",
        "--kube-api-burst=100",
    ]


def rules() -> list[rbac.PolicyRuleArgsDict]:
    """Upstream's, without those for other schedulers."""
    return [
        {"api_groups": [GROUP], "resources": ["mpijobs", "mpijobs/finalizers", "mpijobs/status"], "verbs": ["*"]},
        {
            "api_groups": [""],
            # A job's host file and keys, and the Service by which its pods find each other.
            "resources": ["configmaps", "secrets", "services"],
            "verbs": ["create", "get", "list", "watch", "update"],
        },
        {
            "api_groups": [""],
            "resources": ["pods"],
            "verbs": ["create", "get", "list", "watch", "delete", "update", "patch"],
        },
        {"api_groups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"api_groups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "watch", "update"]},
    ]


class MpiOperator(pulumi.ComponentResource):
    """mpi-operator that is ready, with the kind that it serves."""

    # What an MPIJob depends on.
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: MpiOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:training:MpiOperator", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        definitions = Definitions(
            f"{name}-definitions",
            DefinitionsArgs(manifest=DEFINITIONS, sources=args.sources, connection=args.connection),
            child,
        )
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": args.namespace, "labels": namespace_labels(TITLE, "restricted")},
            opts=child,
        )
        controller = Controller(
            f"{name}-controller",
            ControllerArgs(
                title=TITLE,
                component=COMPONENT,
                namespace=namespace.metadata.name,
                image=args.sources.image(TITLE),
                arguments=arguments(args.namespace),
                rules=rules(),
                own_rules=[{"api_groups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}],
                probe=Probe(port=PROBE_PORT, ready="/healthz", live="/healthz"),
                metrics_port=METRICS_PORT,
                # It ends at once where its kind is not served.
                after=[definitions],
            ),
            child,
        )
        self.ready = [definitions, controller]
        self.register_outputs({})
