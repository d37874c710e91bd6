"""Secrets of teams: what a team's entry says of them, and where their values are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stacks.config_model import ConfigModel, did_you_mean, shown
from stacks.faults import PROJECT, Fault, Path
from stacks.types import Filled, Name, SecretKeyName, check_name

if TYPE_CHECKING:
    from stacks.team_config import Team

# The config key with the values: a mapping of names to secrets of Pulumi.
VALUES = "secrets"


def how_to_set(name: str) -> str:
    return f"run: pulumi config set --secret --path '{PROJECT}:{VALUES}.{name}'"


class PulumiSecret(ConfigModel):
    """A Kubernetes Secret of the team, with values from Pulumi's encrypted config."""

    name: Name = Field(description="Name of the Secret.")
    kind: Literal["pulumi"] = Field(default="pulumi", description="Values of Pulumi's own config.")
    keys: Mapping[SecretKeyName, Name] = Field(
        description="Keys of the Secret, each with the name of its value under `ml-platform:secrets`."
    )

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not self.keys:
            message = "is empty; name at least one, such as {token: hub-token}"
            yield Fault(path=("keys",), message=message, complete=(("keys",),))


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


def references(teams: Iterable[tuple[Path, Team]]) -> Iterator[tuple[Path, str]]:
    """Where teams name values, and which. The paths of the teams are those to begin with."""
    for path, team in teams:
        for index, secret in enumerate(team.secrets):
            for key, value in secret.keys.items():
                yield (*path, "secrets", index, "keys", key), value
        for index, login in enumerate(team.image_pull):
            yield (*path, "imagePull", index, "password"), login.password


def missing_values(teams: Iterable[tuple[Path, Team]], names: Iterable[str]) -> Iterator[Fault]:
    """Values that a team names and nobody has set."""
    names = tuple(names)
    for path, name in references(teams):
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
