"""KubeRay's operator, which runs RayJobs and RayServices on clusters that it makes for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components import namespaces
from components.platform.controller import ControllerProgram, Probe
from components.platform.drain import Drained
from components.training.operators.chartless import ChartlessOperator

if TYPE_CHECKING:
    from pulumi_kubernetes.rbac import v1 as rbac

TITLE = "kuberay-operator"
COMPONENT = "training"
GROUP = "ray.io"
KINDS = ("rayclusters", "rayjobs", "rayservices")
PROBE_PORT = 8082
METRICS_PORT = 8080


ARGUMENTS = (
    f"--metrics-addr=:{METRICS_PORT}",
    f"--health-probe-bind-address=:{PROBE_PORT}",
    # One replica at a time, by the Deployment's strategy.
    "--enable-leader-election=false",
    # States and durations of clusters, jobs and services.
    "--enable-metrics",
)


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


class KubeRay(ChartlessOperator):
    """KubeRay's operator that is ready, with the kinds that it serves."""

    namespace = namespaces.KUBERAY
    definitions = "kuberay-crds"
    drained = (Drained(name="kuberay", namespace=namespaces.KUBERAY, group=GROUP),)
    program = ControllerProgram(
        title=TITLE,
        component=COMPONENT,
        arguments=ARGUMENTS,
        rules=rules(),
        probe=Probe(port=PROBE_PORT, ready="/readyz", live="/healthz"),
        metrics_port=METRICS_PORT,
        memory="512Mi",
    )
