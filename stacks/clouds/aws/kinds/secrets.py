"""AWS Secrets Manager: its keys in `externalSecrets:` and in teams, and the Secrets of teams that it has values for.

https://external-secrets.io/latest/provider/aws-secrets-manager/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from stacks.clouds.aws.types import Region
from stacks.clouds.secrets import StoreSecret
from stacks.language.faults import Fault, Path
from stacks.language.model import ConfigModel, Rule, rule, shown
from stacks.language.types import Filled, Name, SecretKeyName


def check_entry(value: object) -> str:
    """The name of an entry of Secrets Manager. An ARN would name an account and a region too, which the store has."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9/_+=.@-]{1,512}", value):
        remedy = "write its name, such as prod/teams/vision/hub, not its ARN"
        raise ValueError(f"{shown(value)} is not the name of an entry; {remedy}")
    return value


def check_stage(value: object) -> str:
    """A staging label of Secrets Manager."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9/_+=.@-]{1,256}", value):
        raise ValueError(f"{shown(value)} is not a stage of an entry; write one such as AWSCURRENT or AWSPREVIOUS")
    return value


def check_endpoint(value: object) -> str:
    """The address of a server that speaks Secrets Manager's protocol, without a path."""
    remedy = 'write one such as "https://vpce-0123.secretsmanager.eu-west-1.vpce.amazonaws.com"'
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/?#@]+/?", value):
        raise ValueError(f"{shown(value)} is not the address of a Secrets Manager; {remedy}")
    return value.rstrip("/")


Entry = Annotated[
    str, Rule("name of an entry", check_entry, "the name of an entry of Secrets Manager: `prod/teams/vision/hub`")
]
Stage = Annotated[
    str, Rule("stage of an entry", check_stage, "a staging label of Secrets Manager: `AWSCURRENT`, `AWSPREVIOUS`")
]
Endpoint = Annotated[
    str,
    Rule(
        "address of a Secrets Manager",
        check_endpoint,
        "`https://` and a host; `http://` on a local cluster only: `http://10.0.0.5:5000`",
    ),
]


class AccessKeyConfig(ConfigModel):
    """An access key of AWS, by the names of its parts under `ml-platform:secrets`."""

    access_key_id: Name = Field(description="Name of the key's id.")
    secret_access_key: Name = Field(description="Name of the secret key.")

    def named(self, path: Path) -> Iterator[tuple[Path, str]]:
        """Where it names values, and which. path: where the key itself is."""
        yield (*path, "accessKeyId"), self.access_key_id
        yield (*path, "secretAccessKey"), self.secret_access_key


class EntryKeyConfig(ConfigModel):
    """A value in Secrets Manager."""

    entry: Entry = Field(
        description="Name of the entry. With `kind: aws` it starts with `<cluster.name>/teams/<team>/`."
    )
    property: Filled | None = Field(
        default=None, description="Property of the entry's JSON, such as `db.password`. Default: the whole entry."
    )
    version: Stage | None = Field(default=None, description="Stage of the entry. Default: `AWSCURRENT`.")


class AwsSecret(StoreSecret):
    """A Kubernetes Secret of the team, with values that External Secrets reads from AWS Secrets Manager."""

    kind: Literal["aws"] = Field(description="Values from AWS Secrets Manager.")
    keys: Mapping[SecretKeyName, EntryKeyConfig] = Field(
        description="Keys of the Secret, each with the entry that holds its value."
    )

    @rule("keys")
    def _some_key(self) -> Iterator[Fault]:
        if not self.keys:
            message = "is empty; name at least one, such as {token: {entry: prod/teams/vision/hub}}"
            yield Fault(path=("keys",), message=message)


class AwsTeamKeys(ConfigModel):
    """What a team needs to read Secrets Manager from a cluster that is not on AWS."""

    aws_credentials: AccessKeyConfig | None = Field(
        default=None,
        description="Access key for the team's entries in Secrets Manager. Not with `kind: aws`, where the team has"
        " a role.",
    )

    def named_values(self) -> Iterator[tuple[Path, str]]:
        """Where these keys name values of Pulumi's config, and which."""
        if self.aws_credentials:
            yield from self.aws_credentials.named(("awsCredentials",))


class SecretsManager(ConfigModel):
    """Where entries are read, and with which key."""

    region: Region | None = Field(
        default=None, description="AWS region of the entries. Default: the cluster's, with `kind: aws`."
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description="Endpoint of Secrets Manager: a private endpoint or an emulator. Default: the region's.",
    )
    credentials: AccessKeyConfig | None = Field(
        default=None,
        description="Access key of teams without their own (`awsCredentials`). Not with `kind: aws`, where each "
        "team has a role.",
    )

    def named_values(self) -> Iterator[tuple[Path, str]]:
        """Where these keys name values of Pulumi's config, and which."""
        if self.credentials:
            yield from self.credentials.named(("credentials",))
