"""The `externalSecrets:` section of an environment: Secrets of teams from AWS Secrets Manager.

https://external-secrets.io/latest/provider/aws-secrets-manager/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from components.aws.names import secret_name
from stacks.clouds.aws.config import AwsCluster
from stacks.clouds.aws.types import Region
from stacks.language.faults import Fault, Path
from stacks.language.images import Image
from stacks.language.model import ConfigModel, Rule, shown
from stacks.language.types import Duration
from stacks.teams.secrets import AwsSecret, Credentials

if TYPE_CHECKING:
    from stacks.environment.config import Environment
    from stacks.teams.config import Team


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


class ExternalSecrets(ConfigModel):
    """External Secrets, which makes the teams' Secrets of kind `aws` and keeps them as they are in Secrets Manager."""

    region: Region | None = Field(default=None, description="AWS region of the entries. On AWS else the cluster's.")
    endpoint: Endpoint | None = Field(
        default=None, description="Another address of Secrets Manager: a private endpoint, or an emulator."
    )
    credentials: Credentials | None = Field(
        default=None,
        description="Access key of the teams that have none of their own (`awsCredentials`). Not on AWS, where each "
        "team has a role.",
    )
    refresh: Duration = Field(default=3600, description="How often an entry is read again; each read costs.")
    rotation_image: Image = Field(
        default="predictor",
        description="Image of what rolls servers when a Secret of theirs has changed: any with `python3`.",
    )

    def installs(self, cluster: str) -> Iterator[str]:
        yield from super().installs(cluster)
        yield from ("external-secrets", "external-secrets-crds")


def region_of(environment: Environment, config: ExternalSecrets) -> str:
    """The region of the entries. Elsewhere than on AWS the config says it, as its faults see to."""
    cluster = environment.cluster
    region = config.region or (cluster.region if isinstance(cluster, AwsCluster) else None)
    if region is None:
        raise LookupError("externalSecrets.region is not said")
    return region


def external_secrets_faults(environment: Environment) -> Iterator[Fault]:
    """What does not go together: the section, the kind of the cluster, and the teams' Secrets."""
    config, cluster = environment.external_secrets, environment.cluster
    if config is None:
        yield from _without_section(environment)
        return
    if isinstance(cluster, AwsCluster):
        yield from _on_aws(environment, config, cluster)
    else:
        yield from _elsewhere(environment, config)
    if config.endpoint and config.endpoint.startswith("http://") and cluster.kind != "local":
        message = "would send the values in clear; write an address with https://"
        yield Fault(path=("externalSecrets", "endpoint"), message=message, untouched=(("cluster",),))


def aws_secrets(team: Team) -> tuple[AwsSecret, ...]:
    """The team's Secrets that External Secrets makes."""
    return tuple(secret for secret in team.secrets if isinstance(secret, AwsSecret))


def credentials_of(config: ExternalSecrets, team: Team) -> Credentials | None:
    """The access key that a team's entries are read with; None on AWS."""
    return team.aws_credentials or config.credentials


def _without_section(environment: Environment) -> Iterator[Fault]:
    section: tuple[Path, ...] = (("externalSecrets",),)
    for index, team in enumerate(environment.teams):
        for place, secret in enumerate(team.secrets):
            if isinstance(secret, AwsSecret):
                message = "needs External Secrets, which nobody installs here; write externalSecrets: beside teams:"
                yield Fault(path=("teams", index, "secrets", place, "kind"), message=message, untouched=section)
        if team.aws_credentials:
            message = "is for External Secrets, which nobody installs here; write externalSecrets: beside teams:"
            yield Fault(path=("teams", index, "awsCredentials"), message=message, untouched=section)


def _on_aws(environment: Environment, config: ExternalSecrets, cluster: AwsCluster) -> Iterator[Fault]:
    if config.credentials:
        message = "is for clusters that are not on AWS; here each team has a role of its own, so remove the key"
        yield Fault(path=("externalSecrets", "credentials"), message=message, untouched=(("cluster",),))
    if config.region not in (None, cluster.region):
        message = f"{shown(config.region)} is not {cluster.region}, where the teams' roles may read; remove the key"
        yield Fault(path=("externalSecrets", "region"), message=message, untouched=(("cluster",),))
    for index, team in enumerate(environment.teams):
        if team.aws_credentials:
            message = "is for clusters that are not on AWS; here the team has a role of its own, so remove the key"
            yield Fault(path=("teams", index, "awsCredentials"), message=message, untouched=(("cluster",),))
        own = secret_name(cluster.name, team.name, "")
        for place, secret in enumerate(team.secrets):
            for key, source in secret.keys.items() if isinstance(secret, AwsSecret) else ():
                if not source.entry.startswith(own):
                    message = (
                        f"{shown(source.entry)} is not the team's, whose role reads only what is below {own}; "
                        f"write {own}<name>"
                    )
                    path = ("teams", index, "secrets", place, "keys", key, "entry")
                    yield Fault(path=path, message=message, untouched=(("cluster",), ("teams", index, "name")))


def _elsewhere(environment: Environment, config: ExternalSecrets) -> Iterator[Fault]:
    if config.region is None:
        message = "is not known of a cluster that is not on AWS; write one such as eu-west-1"
        yield Fault(path=("externalSecrets", "region"), message=message, untouched=(("externalSecrets", "region"),))
    for index, team in enumerate(environment.teams):
        if aws_secrets(team) and credentials_of(config, team) is None:
            message = "has no access key for its entries; write awsCredentials: here, or externalSecrets.credentials"
            untouched: tuple[Path, ...] = (("externalSecrets", "credentials"), ("teams", index, "awsCredentials"))
            yield Fault(path=("teams", index), message=message, untouched=untouched)
