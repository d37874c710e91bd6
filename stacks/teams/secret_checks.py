"""The rules between the secrets of a team, and between the values that a stack names and those that are set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from stacks.clouds.secrets import STORE, StoreSecret
from stacks.language.faults import PROJECT, Fault, Path
from stacks.language.model import did_you_mean, shown
from stacks.language.types import check_name
from stacks.teams.config import TeamConfig
from stacks.teams.secrets import (
    VALUES,
    PulumiSecret,
    RegistryLoginConfig,
    Secret,
    how_to_set,
)


def login_faults(logins: Sequence[RegistryLoginConfig]) -> Iterator[Fault]:
    """Registries that have two logins."""
    registries: set[str] = set()
    for index, login in enumerate(logins):
        if login.registry in registries:
            message = f"{shown(login.registry)} has a login already; remove one of the two"
            yield Fault(path=("logins", index, "registry"), message=message)
        registries.add(login.registry)


def secret_faults(secrets: Sequence[Secret], logins: Sequence[RegistryLoginConfig]) -> Iterator[Fault]:
    """Secrets with the name of one that the platform makes."""
    taken: dict[str, str] = {}
    if logins:
        taken["image-pull"] = "is the Secret that imagePull makes"
    if any(isinstance(secret, StoreSecret) for secret in secrets):
        taken[STORE] = "is the Secret with the access key of External Secrets"
    for index, secret in enumerate(secrets):
        if secret.name in taken:
            yield Fault(path=("secrets", index, "name"), message=f"{taken[secret.name]}; choose another name")


def references(teams: Iterable[tuple[Path, TeamConfig]]) -> Iterator[tuple[Path, str]]:
    """Where teams name values, and which. The paths of the teams are those to begin with."""
    for path, team in teams:
        for index, secret in enumerate(team.secrets):
            for key, value in secret.keys.items() if isinstance(secret, PulumiSecret) else ():
                yield (*path, "secrets", index, "keys", key), value
        for index, login in enumerate(team.image_pull):
            yield (*path, "imagePull", index, "password"), login.password
        yield from (((*path, *place), value) for place, value in team.named_values())


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
