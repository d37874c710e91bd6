"""The shape of the stack outputs (docs/reference/outputs.md): an interface, so names stay as they are.

Every dictionary below holds plain values and Pulumi outputs alike; a reader of the stack sees plain values.
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


class TeamOutput(TypedDict):
    """What a team has; its entries by their names."""

    namespace: pulumi.Output[str]
    training: dict[str, TrainingOutput]
    serving: dict[str, ServingOutput]


class AwsDatabaseOutput(TypedDict):
    """`secret` is the ARN of the entry in Secrets Manager that holds user and password."""

    address: pulumi.Output[str]
    secret: pulumi.Output[str]


class AwsTeamOutput(TypedDict):
    """What a team has in AWS: its role, the repositories of its images, its folder (an EFS access point)."""

    role: pulumi.Output[str]
    images: dict[str, pulumi.Output[str]]
    folder: pulumi.Output[str] | None


class AwsOutputs(TypedDict):
    """An environment in AWS. `kubeconfig` holds no secret: it asks the AWS CLI for a token. Buckets, images
    and teams by their names; `fileSystem` is the id of EFS, `lustre` the DNS name of FSx.
    """

    account: str
    region: str
    cluster: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    buckets: dict[str, pulumi.Output[str]]
    images: dict[str, pulumi.Output[str]]
    fileSystem: pulumi.Output[str] | None
    lustre: pulumi.Output[str] | None
    database: AwsDatabaseOutput | None
    teams: dict[str, AwsTeamOutput]


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


class AwsStackOutputs(StackOutputs):
    """What a stack exports where `cluster.kind` is `aws`."""

    aws: AwsOutputs
