"""Secrets of teams: what a team's entry says of them, and where their values are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from stacks.language.faults import PROJECT, Fault
from stacks.language.model import ConfigModel, Rule, rule, shown
from stacks.language.types import Duration, Filled, Name, SecretKeyName, check_name

# The config key with the values: a mapping of names to secrets of Pulumi.
VALUES = "secrets"
# What a team's SecretStore is called, and the Secret with its access key.
STORE = "secrets-manager"


def how_to_set(name: str) -> str:
    return f"run: pulumi config set --secret --path '{PROJECT}:{VALUES}.{name}'"


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


def check_value_name(value: object) -> str:
    """The name of a value under `ml-platform:secrets`."""
    if isinstance(value, dict):
        raise ValueError("is a mapping, as Secrets of kind aws have it; write kind: aws, or the name of a value")
    return check_name(value)


ValueName = Annotated[
    str, Rule("name of a value", check_value_name, "a name under `ml-platform:secrets`, as names are written")
]
Entry = Annotated[
    str, Rule("name of an entry", check_entry, "the name of an entry of Secrets Manager: `prod/teams/vision/hub`")
]
Stage = Annotated[
    str, Rule("stage of an entry", check_stage, "a staging label of Secrets Manager: `AWSCURRENT`, `AWSPREVIOUS`")
]


class Credentials(ConfigModel):
    """An access key of AWS, by the names of its parts under `ml-platform:secrets`."""

    access_key_id: Name = Field(description="Name of the key's id.")
    secret_access_key: Name = Field(description="Name of the secret key.")


class EntryKeyConfig(ConfigModel):
    """A value in Secrets Manager."""

    entry: Entry = Field(
        description="Name of the entry. With `kind: aws` it starts with `<cluster.name>/teams/<team>/`."
    )
    property: Filled | None = Field(
        default=None, description="Property of the entry's JSON, such as `db.password`. Default: the whole entry."
    )
    version: Stage | None = Field(default=None, description="Stage of the entry. Default: `AWSCURRENT`.")


class PulumiSecret(ConfigModel):
    """A Kubernetes Secret of the team, with values from Pulumi's encrypted config."""

    name: Name = Field(description="Name of the Secret.")
    kind: Literal["pulumi"] = Field(default="pulumi", description="Values from the Pulumi config.")
    keys: Mapping[SecretKeyName, ValueName] = Field(
        description="Keys of the Secret, each with the name of its value under `ml-platform:secrets`."
    )

    @rule("keys")
    def _some_key(self) -> Iterator[Fault]:
        if not self.keys:
            message = "is empty; name at least one, such as {token: hub-token}"
            yield Fault(path=("keys",), message=message)


class AwsSecret(ConfigModel):
    """A Kubernetes Secret of the team, with values that External Secrets reads from AWS Secrets Manager."""

    name: Name = Field(description="Name of the Secret.")
    kind: Literal["aws"] = Field(description="Values from AWS Secrets Manager.")
    keys: Mapping[SecretKeyName, EntryKeyConfig] = Field(
        description="Keys of the Secret, each with the entry that holds its value."
    )
    refresh: Duration | None = Field(
        default=None, description="How often the entries are read. Default: `externalSecrets.refresh`."
    )

    @rule("keys")
    def _some_key(self) -> Iterator[Fault]:
        if not self.keys:
            message = "is empty; name at least one, such as {token: {entry: prod/teams/vision/hub}}"
            yield Fault(path=("keys",), message=message)


def _kind_of(value: Any) -> Any:
    return value.get("kind", "pulumi") if isinstance(value, dict) else getattr(value, "kind", "pulumi")


# Not pydantic's plain discriminator: that one wants the key in the file even where the model has a default.
Secret = Annotated[
    Annotated[PulumiSecret, Tag("pulumi")] | Annotated[AwsSecret, Tag("aws")],
    Discriminator(_kind_of),
]


class RegistryLoginConfig(ConfigModel):
    """Login to a private registry of the team's images."""

    registry: Filled = Field(description="Host of the registry, such as `ghcr.io`.")
    username: Filled = Field(description="User name.")
    password: Name = Field(description="Name of the password or token under `ml-platform:secrets`.")

    @rule()
    def _only_a_host(self) -> Iterator[Fault]:
        if "/" in self.registry or " " in self.registry:
            message = f"{shown(self.registry)} is not a host; write it without scheme and path, such as ghcr.io"
            yield Fault(path=("registry",), message=message)
