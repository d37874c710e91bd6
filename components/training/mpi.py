"""MPI as an MPIJob of mpi-operator, whose launcher starts ranks on the workers: https://github.com/kubeflow/mpi-operator"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from components.training.engines import MPI_JOB
from components.training.operated import OperatedEngine, OperatedTraining, Planned
from components.training.recipe import OperatedArgs, TrainingArgs, train_storages
from components.training.replicas import queue_fields, replicas

LAUNCHER, WORKER = "launcher", "worker"
REPLICAS = {LAUNCHER: "Launcher", WORKER: "Worker"}
# Where the pods of a job find the keys with which the launcher logs in to the workers.
SSH_FOLDER = "/etc/mpi-ssh"


@dataclass(frozen=True, kw_only=True)
class MpiArgs(OperatedArgs):
    """A training with a role `launcher` and a role `worker`; `slots` ranks start in each worker."""

    slots: int = 1


def _recipe(args: TrainingArgs, variables: Mapping[str, str], slots: int) -> dict[str, Any]:
    storages = train_storages(args)
    # Ranks run on the workers. The launcher only looks whether they wrote the model.
    looked_at = tuple(replace(stored, read_only=True) for stored in storages)
    return {
        "mpiImplementation": "OpenMPI",
        "slotsPerWorker": slots,
        "sshAuthMountPath": SSH_FOLDER,
        "mpiReplicaSpecs": {
            REPLICAS[role.name]: replicas(
                args, role, storages=looked_at if role.name == LAUNCHER else storages, variables=variables
            )
            for role in args.roles
        },
    }


def _job(args: TrainingArgs, planned: Planned) -> dict[str, Any]:
    # A launcher that failed is followed by another one. A worker runs sshd, and starts it again in the same pod.
    policies = {REPLICAS[LAUNCHER]: "Never", REPLICAS[WORKER]: "OnFailure"}
    specs = planned.recipe["mpiReplicaSpecs"]
    return {
        **planned.recipe,
        "mpiReplicaSpecs": {role: {**spec, "restartPolicy": policies[role]} for role, spec in specs.items()},
        # The launcher starts with the workers and waits for them itself. If it came after them, a program that ends its
        # workers at once would have the operator wait without end.
        "launcherCreationPolicy": "AtStartup",
        "runPolicy": {
            # Workers never end by themselves.
            "cleanPodPolicy": "Running",
            "activeDeadlineSeconds": args.timeout_seconds,
            "backoffLimit": args.retries,
        },
    }


class MpiTraining(OperatedTraining):
    """A model that ranks of MPI trained together."""

    def __init__(self, name: str, args: MpiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.engine = OperatedEngine(
            facts=MPI_JOB,
            recipe=lambda training, variables: _recipe(training, variables, args.slots),
            job=_job,
            queue_fields=queue_fields("mpiReplicaSpecs", REPLICAS.values()),
        )
        super().__init__(name, args, opts)
