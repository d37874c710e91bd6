"""Secrets of teams: what a team's entry says of them, and where their values are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from stacks.language.faults import PROJECT, Fault, Path
from stacks.language.model import ConfigModel, Rule, did_you_mean, shown
from stacks.language.types import Duration, Filled, Name, SecretKeyName, check_name

if TYPE_CHECKING:
    from stacks.teams.config import Team

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
    secret_access_key: Name = Field(description="Name of the key itself.")


class EntryKey(ConfigModel):
    """Where in Secrets Manager a value is."""

    entry: Entry = Field(description="Name of the entry. On AWS it is below `<cluster.name>/teams/<team>/`.")
    property: Filled | None = Field(
        default=None, description="Property of the JSON that the entry holds, such as `db.password`. Else all of it."
    )
    version: Stage | None = Field(default=None, description="Stage of the entry. Else `AWSCURRENT`.")


class PulumiSecret(ConfigModel):
    """A Kubernetes Secret of the team, with values from Pulumi's encrypted config."""

    name: Name = Field(description="Name of the Secret.")
    kind: Literal["pulumi"] = Field(default="pulumi", description="Values of Pulumi's own config.")
    keys: Mapping[SecretKeyName, ValueName] = Field(
        description="Keys of the Secret, each with the name of its value under `ml-platform:secrets`."
    )

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not self.keys:
            message = "is empty; name at least one, such as {token: hub-token}"
            yield Fault(path=("keys",), message=message, complete=(("keys",),))


class AwsSecret(ConfigModel):
    """A Kubernetes Secret of the team, with values that External Secrets reads from AWS Secrets Manager."""

    name: Name = Field(description="Name of the Secret.")
    kind: Literal["aws"] = Field(description="Values of entries of AWS Secrets Manager.")
    keys: Mapping[SecretKeyName, EntryKey] = Field(
        description="Keys of the Secret, each with the entry that has its value."
    )
    refresh: Duration | None = Field(
        default=None, description="How often the entries are read again. Else `externalSecrets.refresh`."
    )

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not self.keys:
            message = "is empty; name at least one, such as {token: {entry: prod/teams/vision/hub}}"
            yield Fault(path=("keys",), message=message, complete=(("keys",),))


def _kind_of(value: Any) -> Any:
    return value.get("kind", "pulumi") if isinstance(value, dict) else getattr(value, "kind", "pulumi")


# Not pydantic's plain discriminator: that one wants the key in the file even where the model has a default.
Secret = Annotated[
    Annotated[PulumiSecret, Tag("pulumi")] | Annotated[AwsSecret, Tag("aws")],
    Discriminator(_kind_of),
]


class RegistryLogin(ConfigModel):
    """A registry that the team's images are pulled from."""

    registry: Filled = Field(description="Host of the registry, such as `ghcr.io`.")
    username: Filled = Field(description="Who pulls.")
    password: Name = Field(description="Name of the password or token under `ml-platform:secrets`.")

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if "/" in self.registry or " " in self.registry:
            message = f"{shown(self.registry)} is not a host; write it without scheme and path, such as ghcr.io"
            yield Fault(path=("registry",), message=message)


def team_faults(team: Team) -> Iterator[Fault]:
    """Secrets and registries that a team has twice."""
    registries: set[str] = set()
    for index, login in enumerate(team.image_pull):
        if login.registry in registries:
            message = f"{shown(login.registry)} has a login already; remove one of the two"
            yield Fault(path=("imagePull", index, "registry"), message=message)
        registries.add(login.registry)
    if team.image_pull:
        for index, secret in enumerate(team.secrets):
            if secret.name == "image-pull":
                message = "is the Secret that imagePull makes; choose another name"
                yield Fault(path=("secrets", index, "name"), message=message)
    if any(isinstance(secret, AwsSecret) for secret in team.secrets):
        for index, secret in enumerate(team.secrets):
            if secret.name == STORE:
                message = "is the Secret with the access key of External Secrets; choose another name"
                yield Fault(path=("secrets", index, "name"), message=message)


def references(teams: Iterable[tuple[Path, Team]]) -> Iterator[tuple[Path, str]]:
    """Where teams name values, and which. The paths of the teams are those to begin with."""
    for path, team in teams:
        for index, secret in enumerate(team.secrets):
            for key, value in secret.keys.items() if isinstance(secret, PulumiSecret) else ():
                yield (*path, "secrets", index, "keys", key), value
        for index, login in enumerate(team.image_pull):
            yield (*path, "imagePull", index, "password"), login.password
        if team.aws_credentials:
            yield from key_references((*path, "awsCredentials"), team.aws_credentials)


def key_references(path: Path, credentials: Credentials) -> Iterator[tuple[Path, str]]:
    """Where an access key names its values, and which."""
    yield (*path, "accessKeyId"), credentials.access_key_id
    yield (*path, "secretAccessKey"), credentials.secret_access_key


def missing_values(named: Iterable[tuple[Path, str]], names: Iterable[str]) -> Iterator[Fault]:
    """Values that a stack file names and nobody has set."""
    names = tuple(names)
    for path, name in named:
        if name not in names:
            message = f"there is no value {shown(name)} under {PROJECT}:{VALUES}{did_you_mean(name, names)}"
            yield Fault(path=path, message=f"{message}; {how_to_set(name)}")


def value_faults(values: Any) -> Iterator[Fault]:
    """What is wrong with the key `ml-platform:secrets` of a stack file: all in it has to be encrypted."""
    if not isinstance(values, dict):
        yield Fault(path=(), message=f"is not a mapping of names to secrets; {how_to_set('hub-token')}")
        return
    for name, value in values.items():
        try:
            check_name(name)
        except ValueError as error:
            yield Fault(path=(name,), message=str(error))
            continue
        if not isinstance(value, dict) or value.keys() != {"secure"}:
            remedy = f"remove it, call it known to others, and set a new one; {how_to_set(name)}"
            yield Fault(path=(name,), message=f"is in plain text; {remedy}")
