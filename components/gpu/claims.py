"""GPUs by claim (dynamic resource allocation, `resource.k8s.io/v1`): NVIDIA's driver, and what a workload asks with."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components import namespaces
from components.gpu_resources import DEVICE_CLASS
from components.labels import Owner, object_labels
from components.platform.connection import Connection
from components.platform.operator import Operator, OperatorArgs
from components.platform.sources import Sources
from components.pods import GPU_CLAIM

CHART = "dra-driver-nvidia-gpu"
# Not the GPU Operator's namespace, which that component makes itself.
NAMESPACE = namespaces.GPU_CLAIMS
# What a ResourceQuota calls the devices of the class.
QUOTA = f"{DEVICE_CLASS}.deviceclass.resource.k8s.io/devices"


def template_name(gpus: int) -> str:
    """Name of a team's template for so many GPUs. A template never changes, so its name says all of it."""
    return f"gpus-{gpus}"


def claim_spec(gpus: int) -> dict[str, Any]:
    """The spec of a ResourceClaimTemplate for so many whole GPUs, all of one node."""
    request = {
        "name": GPU_CLAIM,
        "exactly": {"deviceClassName": DEVICE_CLASS, "allocationMode": "ExactCount", "count": gpus},
    }
    return {"spec": {"devices": {"requests": [request]}}}


def claim_template(
    name: str,
    gpus: int,
    *,
    owner: Owner,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> k8s.apiextensions.CustomResource:
    """The template from which each pod gets a claim of its own. The SDK has no type for the API's version 1."""
    return k8s.apiextensions.CustomResource(
        name,
        api_version="resource.k8s.io/v1",
        kind="ResourceClaimTemplate",
        metadata={
            "name": template_name(gpus),
            "namespace": namespace,
            "labels": object_labels(owner, name=template_name(gpus), component="gpu"),
        },
        spec=claim_spec(gpus),
        opts=opts,
    )


def driver_values(sources: Sources) -> dict[str, Any]:
    """Values of the driver's chart."""
    return {
        "image": {"repository": sources.chart_image(CHART, CHART).rpartition(":")[0]},
        # The chart asks for a word that one really wants GPUs by claim, since no device plugin may run then.
        "gpuResourcesEnabledOverride": True,
        # NVLink across nodes needs hardware of its own kind, and a controller with wide rights.
        "resources": {"gpus": {"enabled": True}, "computeDomains": {"enabled": False}},
    }


def dra_driver(name: str, sources: Sources, connection: Connection, opts: pulumi.ResourceOptions) -> Operator:
    """NVIDIA's DRA driver: it publishes each GPU, and gives it to the pod whose claim got it."""
    return Operator(
        name,
        OperatorArgs(
            chart=CHART,
            namespace=NAMESPACE,
            sources=sources,
            connection=connection,
            values=driver_values(sources),
            pod_security="privileged",
        ),
        opts,
    )
