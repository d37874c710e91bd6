"""Training on a Ray cluster of its own, as a RayJob of KubeRay: https://docs.ray.io/en/latest/cluster/kubernetes/"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from components import namespaces
from components.api_names import api_names
from components.labels import selector_labels
from components.pods import container_security_context
from components.training.engines import RAY_JOB
from components.training.gang import Caller
from components.training.operated import OperatedEngine, OperatedTraining, Planned
from components.training.operators import ray as operator
from components.training.recipe import OperatedArgs, Role, TrainingArgs, pod_template, train_storages

DASHBOARD_PORT = 8265
# The operator asks the head for its jobs and submits the program there. Nobody else may: it runs what it is told.
SUBMITTER = Caller(
    namespace=namespaces.KUBERAY,
    labels=selector_labels(name=operator.TITLE, component=operator.COMPONENT),
    port=DASHBOARD_PORT,
)
HEAD_LABEL = {"ray.io/node-type": "head"}
WORKERS = "workers"
# Ray's processes of a pod share objects there; the default of 64 MB makes Ray use the disk.
SHARED_MEMORY = {"name": "shared-memory", "emptyDir": {"medium": "Memory"}}
TOKEN = "autoscaler-token"  # noqa: S105
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105


@dataclass(frozen=True, kw_only=True)
class RayJobArgs(OperatedArgs):
    """A training whose roles are `head`, which runs the program, and `worker`, of which there are at most `count`.

    `least` is how many workers there are at least. `version` is Ray's in the image.
    """

    least: int
    version: str

    @property
    def autoscales(self) -> bool:
        """Whether workers come and go. A queue admits all pods at once, and so it gets as many as there may be."""
        return self.training.queued is None and self.least < self.training.roles[1].count


def ray_pod(args: TrainingArgs, role: Role, variables: Mapping[str, str]) -> dict[str, Any]:
    """The template of the head or of a worker: KubeRay writes the command that starts Ray."""
    template = api_names(pod_template(args, role, step="train", storages=train_storages(args), variables=variables))
    (container,) = template["spec"]["containers"]
    container.pop("command", None)
    container.pop("args", None)
    container["volumeMounts"].append({"name": SHARED_MEMORY["name"], "mountPath": "/dev/shm"})  # noqa: S108
    template["spec"]["volumes"].append(SHARED_MEMORY)
    return template


def token_volume() -> dict[str, Any]:
    """What a pod finds out about its account, as a volume: the autoscaler's container alone mounts it."""
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ]
    return {"name": TOKEN, "projected": {"sources": sources}}


def autoscaler() -> dict[str, Any]:
    """The container beside the head that asks for workers and lets them go."""
    return {
        "version": "v2",
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}},
        "securityContext": api_names(container_security_context()),
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": TOKEN, "mountPath": TOKEN_FOLDER, "readOnly": True},
        ],
    }


def recipe(ray: RayJobArgs, args: TrainingArgs, variables: Mapping[str, str]) -> dict[str, Any]:
    """The cluster, and the program that its head runs."""
    head, workers = args.roles
    cluster: dict[str, Any] = {
        "rayVersion": ray.version,
        # The program alone runs on the head: work for actors and tasks goes to the workers.
        "headGroupSpec": {"rayStartParams": {"num-cpus": "0"}, "template": ray_pod(args, head, variables)},
        "workerGroupSpecs": [
            {
                "groupName": WORKERS,
                "replicas": ray.least if ray.autoscales else workers.count,
                "minReplicas": ray.least if ray.autoscales else workers.count,
                "maxReplicas": workers.count,
                "rayStartParams": {},
                "template": ray_pod(args, workers, variables),
            }
        ],
    }
    if ray.autoscales:
        cluster |= {"enableInTreeAutoscaling": True, "autoscalerOptions": autoscaler()}
        cluster["headGroupSpec"]["template"]["spec"]["volumes"].append(token_volume())
    return {"entrypoint": shlex.join([*head.program.command, *head.program.args]), "rayClusterSpec": cluster}


def job_spec(args: TrainingArgs, planned: Planned) -> dict[str, Any]:
    """The spec of a RayJob, whose pods have the label by which they are found."""
    recipe = deepcopy(planned.recipe)
    cluster = recipe["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        group["template"]["metadata"]["labels"][RAY_JOB.pod_label] = planned.name
    return {
        **recipe,
        # The operator submits the program itself, again to the next head if one is lost, and shows its last lines.
        "submissionMode": "HTTPMode",
        "backoffLimit": args.retries,
        "activeDeadlineSeconds": args.timeout_seconds,
        "shutdownAfterJobFinishes": True,
    }


class RayJobTraining(OperatedTraining):
    """A model that a program trained on a Ray cluster, which is gone when this component is there."""

    def __init__(self, name: str, args: RayJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        groups = ("headGroupSpec", "workerGroupSpecs[0]")
        pods = [f"spec.rayClusterSpec.{group}.template.spec" for group in groups]
        self.engine = OperatedEngine(
            facts=RAY_JOB,
            recipe=partial(recipe, args),
            job=job_spec,
            queue_fields=tuple(f"{pod}.{field}" for pod in pods for field in ("nodeSelector", "tolerations")),
            callers=(SUBMITTER,),
            api_clients=HEAD_LABEL if args.autoscales else None,
        )
        super().__init__(name, args, opts)
