"""What the stack outputs say of an environment in AWS, under `aws`: an interface, so names stay as they are."""

from __future__ import annotations

from typing import TypedDict

import pulumi


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
