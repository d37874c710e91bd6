"""Distributed TensorFlow as a TFJob of training-operator: https://www.kubeflow.org/docs/components/trainer/legacy-v1/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from components.training.engines import TF_JOB
from components.training.operated import OperatedEngine, OperatedTraining, Planned
from components.training.recipe import OperatedArgs, TrainingArgs, train_storages
from components.training.replicas import queue_fields, replicas

# The container that the operator gives TF_CONFIG.
CONTAINER = "tensorflow"
SERVER = "ps"
REPLICAS = {"chief": "Chief", "worker": "Worker", SERVER: "PS", "evaluator": "Evaluator"}


def _recipe(args: TrainingArgs, variables: Mapping[str, str]) -> dict[str, Any]:
    storages = train_storages(args)
    return {
        "tfReplicaSpecs": {
            REPLICAS[role.name]: replicas(args, role, storages=storages, variables=variables, container_name=CONTAINER)
            for role in args.roles
        }
    }


def most_restarts(args: TrainingArgs) -> int:
    """How many restarts of its containers, all together, the operator fails the job at.

    With parameter servers a pod that is lost takes the chief with it at most. Without them it ends all others.
    """
    has_servers = any(role.name == SERVER for role in args.roles)
    pods = 2 if has_servers else sum(role.count for role in args.roles)
    return args.retries * pods + 1


def _job(args: TrainingArgs, planned: Planned) -> dict[str, Any]:
    # The operator counts restarts, and would allow one where it is told to allow none.
    policy = "OnFailure" if args.retries else "Never"

    def replica(spec: dict[str, Any]) -> dict[str, Any]:
        template = spec["template"]
        # The operator looks at the deadline of a job only when one of its pods changes: at their own deadline they do.
        pod = {**template["spec"], "activeDeadlineSeconds": args.timeout_seconds}
        return {**spec, "restartPolicy": policy, "template": {**template, "spec": pod}}

    return {
        "tfReplicaSpecs": {role: replica(spec) for role, spec in planned.recipe["tfReplicaSpecs"].items()},
        "runPolicy": {
            # Servers never end by themselves.
            "cleanPodPolicy": "Running",
            "activeDeadlineSeconds": args.timeout_seconds,
            **({"backoffLimit": most_restarts(args)} if args.retries else {}),
        },
    }


class TensorFlowTraining(OperatedTraining):
    """A model that several TensorFlow processes trained together."""

    def __init__(self, name: str, args: OperatedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        roles = [REPLICAS[role.name] for role in args.training.roles]
        self.engine = OperatedEngine(
            facts=TF_JOB, recipe=_recipe, job=_job, queue_fields=queue_fields("tfReplicaSpecs", roles)
        )
        super().__init__(name, args, opts)
