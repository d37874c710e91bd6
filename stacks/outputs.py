"""The shape of the stack outputs (docs/reference/outputs.md): an interface, so names stay as they are.

Every dictionary below holds plain values and Pulumi outputs alike; a reader of the stack sees plain values. What a
cloud adds is in its folder, such as `stacks.clouds.aws.outputs`.
"""

from __future__ import annotations

from typing import TypedDict

import pulumi

# The name of a key that is no identifier in Python, `class`, needs the functional form.
StorageOutput = TypedDict("StorageOutput", {"kind": str, "size": str | None, "class": str | None})


class ClusterOutput(TypedDict):
    """`server` is the URL of the API server."""

    name: str
    kind: str
    server: pulumi.Output[str]


class ModelOutput(TypedDict):
    """One version of a model. `path` is its folder where the storage is mounted at `/models`."""

    name: str
    version: str
    path: str


class WorkloadOutput(TypedDict):
    """The object that runs an entry: its kind in Kubernetes, and its name in the team's namespace."""

    kind: str
    name: pulumi.Output[str]


class TrainingOutput(TypedDict):
    """`workload` is what trained the model, such as a Job."""

    namespace: pulumi.Output[str]
    workload: WorkloadOutput
    model: ModelOutput


class ServingOutput(TypedDict):
    """`workload` is what serves, such as a Deployment; `url` answers, without a path. `autoscaler` may be null.

    `route` is the URL at the environment's gateway, with its path; null without one.
    """

    namespace: pulumi.Output[str]
    workload: WorkloadOutput
    service: pulumi.Output[str]
    autoscaler: pulumi.Output[str] | None
    url: pulumi.Output[str]
    route: str | None


class BatchOutput(TypedDict):
    """`workload` is what answers, a Job or a CronJob. `path` is the folder where the storage is mounted at `/output`.

    Of a CronJob, each run has a folder of its own in it. `version` is the last part of `path`.
    """

    namespace: pulumi.Output[str]
    workload: WorkloadOutput
    version: str
    path: str


class TeamOutput(TypedDict):
    """What a team has; its entries by their names."""

    namespace: pulumi.Output[str]
    training: dict[str, TrainingOutput]
    serving: dict[str, ServingOutput]
    batch: dict[str, BatchOutput]


class MonitoringOutput(TypedDict):
    """Where metrics and alerts are: a namespace, and addresses that hold within the cluster."""

    namespace: pulumi.Output[str]
    prometheus: str
    alertmanager: str


class StackOutputs(TypedDict):
    """What a stack exports; storage and teams by their names."""

    cluster: ClusterOutput
    storage: dict[str, StorageOutput]
    monitoring: MonitoringOutput | None
    teams: dict[str, TeamOutput]


class TeamStackOutputs(TypedDict):
    """What a team stack exports: the stack of its environment, and its team by its name."""

    environment: str
    teams: dict[str, TeamOutput]
