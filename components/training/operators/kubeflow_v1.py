"""Kubeflow's training-operator v1, which runs PyTorchJobs and TFJobs.

Its MPIJob has the name of mpi-operator's and is left out, as are the kinds that this platform does not use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import namespaces
from components.labels import selector_labels, service_labels
from components.platform.controller import ControllerProgram, Probe
from components.platform.drain import Drained
from components.training.operators.chartless import ChartlessOperator

if TYPE_CHECKING:
    from pulumi_kubernetes.admissionregistration import v1 as admission
    from pulumi_kubernetes.meta import v1 as meta
    from pulumi_kubernetes.rbac import v1 as rbac

TITLE = "training-operator"
COMPONENT = "training"
GROUP = "kubeflow.org"
#: The kinds that are switched on, in the words of the program's flag.
KINDS = ("pytorchjob", "tfjob")
#: Names and places that are fixed in the program's code.
WEBHOOKS = f"validator.{TITLE}.{GROUP}"
CERTIFICATE = f"{TITLE}-webhook-cert"
CERTIFICATE_FOLDER = "/tmp/k8s-webhook-server/serving-certs"  # noqa: S108
TEMPLATE_FOLDER = "/etc/config"
TEMPLATE = "initContainer.yaml"
WEBHOOK_PORT = 9443
METRICS_PORT = 8080
PROBE_PORT = 8081


def rules() -> list[rbac.PolicyRuleArgsDict]:
    """Upstream's, without those that only other kinds need."""
    resources = [f"{kind}s" for kind in KINDS]
    every = ["get", "list", "watch", "create", "update", "patch", "delete"]
    return [
        {"api_groups": [GROUP], "resources": resources, "verbs": every},
        {"api_groups": [GROUP], "resources": [f"{name}/finalizers" for name in resources], "verbs": ["update"]},
        {
            "api_groups": [GROUP],
            "resources": [f"{name}/status" for name in resources],
            "verbs": ["get", "update", "patch"],
        },
        {"api_groups": [""], "resources": ["pods", "services", "events"], "verbs": every},
        # Elastic PyTorchJobs.
        {"api_groups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": every},
        {
            "api_groups": ["admissionregistration.k8s.io"],
            "resources": ["validatingwebhookconfigurations"],
            "verbs": ["get", "list", "watch", "update"],
        },
    ]


def webhooks(namespace: str) -> list[admission.ValidatingWebhookArgsDict]:
    return [
        {
            "name": f"validator.{kind}.{TITLE}.{GROUP}",
            "admission_review_versions": ["v1"],
            "client_config": {
                "service": {"name": TITLE, "namespace": namespace, "path": f"/validate-kubeflow-org-v1-{kind}"}
            },
            "failure_policy": "Fail",
            "side_effects": "None",
            "rules": [
                {
                    "api_groups": [GROUP],
                    "api_versions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": [f"{kind}s"],
                }
            ],
        }
        for kind in KINDS
    ]


def metadata(object_name: str) -> meta.ObjectMetaArgsDict:
    labels = service_labels(TITLE, COMPONENT)
    return {"name": object_name, "namespace": namespaces.TRAINING_OPERATOR, "labels": labels}


class TrainingOperator(ChartlessOperator):
    """training-operator that is ready, its webhooks too, with the kinds that it serves."""

    namespace = namespaces.TRAINING_OPERATOR
    definitions = "training-operator-crds"
    drained = (Drained(name=TITLE, namespace=namespaces.TRAINING_OPERATOR, group=GROUP),)
    program = ControllerProgram(
        title=TITLE,
        component=COMPONENT,
        arguments=[f"--enable-scheme={kind}" for kind in KINDS],
        rules=rules(),
        # Its certificate. It lists and watches, and so no name narrows this.
        own_rules=[{"api_groups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "update"]}],
        fields={"MY_POD_NAME": "metadata.name", "MY_POD_NAMESPACE": "metadata.namespace"},
        files={
            CERTIFICATE_FOLDER: {
                "name": "certificate",
                "secret": {"secret_name": CERTIFICATE, "default_mode": 0o440},
            },
            TEMPLATE_FOLDER: {"name": "init-template", "config_map": {"name": f"{TITLE}-init-template"}},
        },
        probe=Probe(port=PROBE_PORT, ready="/readyz", live="/healthz"),
        metrics_port=METRICS_PORT,
    )

    def extras(self, name: str, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        # The operator fills it with a certificate of its own, but may not make it.
        certificate = k8s.core.v1.Secret(
            f"{name}-certificate",
            metadata=metadata(CERTIFICATE),
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=["data"])),
        )
        service = k8s.core.v1.Service(
            f"{name}-service",
            metadata={**metadata(TITLE), "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "selector": selector_labels(name=TITLE, component=COMPONENT),
                "ports": [
                    {"name": "webhook", "port": 443, "target_port": WEBHOOK_PORT, "protocol": "TCP"},
                    {"name": "metrics", "port": METRICS_PORT, "target_port": METRICS_PORT, "protocol": "TCP"},
                ],
            },
            opts=opts,
        )
        template = k8s.core.v1.ConfigMap(
            f"{name}-init-template",
            metadata=metadata(f"{TITLE}-init-template"),
            # No init container in the workers of a PyTorchJob. The operator's own would wait for the name of the
            # master, for which torch waits by itself, and the `restricted` Pod Security Standard refuses it.
            data={TEMPLATE: "[]\n"},
            opts=opts,
        )
        configuration = k8s.admissionregistration.v1.ValidatingWebhookConfiguration(
            f"{name}-webhooks",
            metadata={"name": WEBHOOKS, "labels": service_labels(TITLE, COMPONENT)},
            webhooks=webhooks(self.namespace),
            # The operator writes the authority that signed its certificate.
            opts=pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(ignore_changes=["webhooks[*].clientConfig.caBundle"])
            ),
        )
        return [certificate, service, template, configuration]
