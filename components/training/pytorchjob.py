"""Distributed PyTorch as a PyTorchJob of training-operator v1: https://www.kubeflow.org/docs/components/trainer/legacy-v1/"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from components.gpu_resources import GPU
from components.training.engines import PYTORCH_JOB
from components.training.operated import OperatedEngine, OperatedTraining, Planned
from components.training.recipe import OperatedArgs, Role, TrainingArgs, train_storages
from components.training.replicas import queue_fields, replicas

# The container that the operator gives the address of the master and the rank (MASTER_ADDR, RANK, PET_*).
CONTAINER = "pytorch"
REPLICAS = {"master": "Master", "worker": "Worker"}


@dataclass(frozen=True, kw_only=True)
class Elastic:
    """A training that goes on with `least` to `most` workers, and starts its processes anew `restarts` times."""

    least: int
    most: int
    restarts: int


@dataclass(frozen=True, kw_only=True)
class PyTorchJobArgs(OperatedArgs):
    """A training whose roles are `master` and `worker`, only `worker` where it is elastic."""

    elastic: Elastic | None = None


def replica_spec(args: TrainingArgs, role: Role, variables: Mapping[str, str]) -> dict[str, Any]:
    """The pods of a role. A lost one ends the others too: each is started again, and all resume together."""
    pods = replicas(args, role, storages=train_storages(args), variables=variables, container_name=CONTAINER)
    # By their exit codes the operator would take the loss of a peer for a fault of the program.
    return {**pods, "restartPolicy": "OnFailure" if args.retries else "Never"}


def recipe(elastic: Elastic | None, args: TrainingArgs, variables: Mapping[str, str]) -> dict[str, Any]:
    """The pods, and how many processes each starts."""
    spec: dict[str, Any] = {
        "nprocPerNode": args.roles[0].program.resources.limits.get(GPU, "1"),
        "pytorchReplicaSpecs": {REPLICAS[role.name]: replica_spec(args, role, variables) for role in args.roles},
    }
    if elastic is not None:
        spec["elasticPolicy"] = {
            "rdzvBackend": "c10d",
            "minReplicas": elastic.least,
            "maxReplicas": elastic.most,
            "maxRestarts": elastic.restarts,
        }
    return spec


def job_spec(args: TrainingArgs, planned: Planned) -> dict[str, Any]:
    """The spec of a PyTorchJob."""
    policy: dict[str, Any] = {
        "activeDeadlineSeconds": args.timeout_seconds,
        # Pods that ended stay, with their logs; those that still run when the training has failed go.
        "cleanPodPolicy": "Running",
    }
    if args.retries:
        # The operator adds up the restarts of all pods, and in each try every pod is started again.
        policy["backoffLimit"] = args.retries * sum(role.count for role in args.roles) + 1
    return {**planned.recipe, "runPolicy": policy}


class PyTorchJobTraining(OperatedTraining):
    """A model that a master and workers trained together."""

    def __init__(self, name: str, args: PyTorchJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.engine = OperatedEngine(
            facts=PYTORCH_JOB,
            recipe=partial(recipe, args.elastic),
            job=job_spec,
            queue_fields=queue_fields("pytorchReplicaSpecs", (REPLICAS[role.name] for role in args.training.roles)),
        )
        super().__init__(name, args, opts)
