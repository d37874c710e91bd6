"""The `externalSecrets:` section of an environment: Secrets of teams from AWS Secrets Manager.

https://external-secrets.io/latest/provider/aws-secrets-manager/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from stacks.clouds.aws.types import Region
from stacks.clouds.model import ClusterModel
from stacks.language.images import Image
from stacks.language.model import ConfigModel, Rule, shown
from stacks.language.types import Duration
from stacks.teams.config import TeamConfig
from stacks.teams.secrets import AwsSecret, Credentials


def check_endpoint(value: object) -> str:
    """The address of a server that speaks Secrets Manager's protocol, without a path."""
    remedy = 'write one such as "https://vpce-0123.secretsmanager.eu-west-1.vpce.amazonaws.com"'
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/?#@]+/?", value):
        raise ValueError(f"{shown(value)} is not the address of a Secrets Manager; {remedy}")
    return value.rstrip("/")


Endpoint = Annotated[
    str,
    Rule(
        "address of a Secrets Manager",
        check_endpoint,
        "`https://` and a host; `http://` on a local cluster only: `http://10.0.0.5:5000`",
    ),
]


class ExternalSecretsConfig(ConfigModel):
    """External Secrets, which creates the Secrets of kind `aws` of teams and syncs them from Secrets Manager."""

    region: Region | None = Field(
        default=None, description="AWS region of the entries. Default: the cluster's, with `kind: aws`."
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description="Endpoint of Secrets Manager: a private endpoint or an emulator. Default: the region's.",
    )
    credentials: Credentials | None = Field(
        default=None,
        description="Access key of teams without their own (`awsCredentials`). Not with `kind: aws`, where each "
        "team has a role.",
    )
    refresh: Duration = Field(default=3600, description="How often entries are read. Each read has a cost.")
    rotation_image: Image = Field(
        default="predictor",
        description="Image that restarts servers after one of their Secrets changed: any with `python3`.",
    )

    def installs(self, cluster: str) -> Iterator[str]:
        yield from ("external-secrets", "external-secrets-crds")


def region_of(config: ExternalSecretsConfig, cluster: ClusterModel) -> str:
    """The region of the entries. A cluster that has no secret store of its own leaves it to the section."""
    region = config.region or cluster.secret_region
    if region is None:
        raise LookupError("externalSecrets.region is not said")
    return region


def aws_secrets(team: TeamConfig) -> tuple[AwsSecret, ...]:
    """The team's Secrets that External Secrets makes."""
    return tuple(secret for secret in team.secrets if isinstance(secret, AwsSecret))


def credentials_of(config: ExternalSecretsConfig, team: TeamConfig) -> Credentials | None:
    """The access key that a team's entries are read with; None on AWS."""
    return team.aws_credentials or config.credentials
