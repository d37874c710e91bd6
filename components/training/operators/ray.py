"""KubeRay's operator, which runs RayJobs and RayServices on clusters that it makes for them."""

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

TITLE = "kuberay-operator"
COMPONENT = "training"
NAMESPACE = namespaces.KUBERAY
DEFINITIONS = "kuberay-crds"
GROUP = "ray.io"
KINDS = ("rayclusters", "rayjobs", "rayservices")
PROBE_PORT = 8082
METRICS_PORT = 8080


@dataclass(frozen=True, kw_only=True)
class KubeRayArgs:
    """Where its image and its definitions come from, and the cluster that gets them."""

    sources: Sources
    connection: Connection
    namespace: str = NAMESPACE


def arguments() -> list[str]:
    return [
        f"--metrics-addr=:{METRICS_PORT}",
        f"--health-probe-bind-address=:{PROBE_PORT}",
        # One replica at a time, by the Deployment's strategy.
        "--enable-leader-election=false",
        # States and durations of clusters, jobs and services.
        "--enable-metrics",
    ]


def rules() -> list[rbac.PolicyRuleArgsDict]:
    """Upstream's, without those for OpenShift, for ingresses and for upgrades by a gateway."""
    every = ["get", "list", "watch", "create", "update", "patch", "delete"]
    return [
        {"api_groups": [GROUP], "resources": list(KINDS), "verbs": every},
        {"api_groups": [GROUP], "resources": [f"{kind}/finalizers" for kind in KINDS], "verbs": ["update"]},
        {
            "api_groups": [GROUP],
            "resources": [f"{kind}/status" for kind in KINDS],
            "verbs": ["get", "update", "patch"],
        },
        {"api_groups": [""], "resources": ["pods"], "verbs": [*every, "deletecollection"]},
        {"api_groups": [""], "resources": ["pods/status", "services", "events"], "verbs": every},
        {"api_groups": [""], "resources": ["services/status"], "verbs": ["get", "update", "patch"]},
        {"api_groups": [""], "resources": ["pods/resize"], "verbs": ["patch"]},
        {"api_groups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "create"]},
        {"api_groups": ["batch"], "resources": ["jobs"], "verbs": every},
        {"api_groups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
        # The autoscaler of a cluster runs in its head pod, with a role that the operator makes for it. Kubernetes lets
        # nobody give a right that he does not have: these are all among the rights above.
        {
            "api_groups": [""],
            "resources": ["serviceaccounts"],
            "verbs": ["get", "list", "watch", "create", "delete"],
        },
        {
            "api_groups": ["rbac.authorization.k8s.io"],
            "resources": ["roles", "rolebindings"],
            "verbs": ["get", "list", "watch", "create", "delete", "update"],
        },
    ]


class KubeRay(pulumi.ComponentResource):
    """KubeRay's operator that is ready, with the kinds that it serves."""

    # What an object of its kinds depends on.
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: KubeRayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:training:KubeRay", name, None, opts)
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
                arguments=arguments(),
                rules=rules(),
                probe=Probe(port=PROBE_PORT, ready="/readyz", live="/healthz"),
                metrics_port=METRICS_PORT,
                memory="512Mi",
                # It looks once, at its start, which kinds it may watch.
                after=[definitions],
            ),
            child,
        )
        self.ready = [definitions, controller]
        self.register_outputs({})
