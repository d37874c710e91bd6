"""The values of secrets, as the running program gets them from Pulumi's config."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from components.teams.secrets import RegistryLogin
from stacks.language.faults import PROJECT
from stacks.teams.config import TeamConfig
from stacks.teams.secrets import VALUES, PulumiSecret, how_to_set

KEY = f"{PROJECT}:{VALUES}"


def secret_values() -> Mapping[str, pulumi.Output[str]]:
    """The values under `ml-platform:secrets` by their names, each a secret of Pulumi. RunError where they are plain."""
    text = pulumi.Config(PROJECT).get(VALUES)
    if text is None:
        return {}
    if not pulumi.runtime.is_config_secret(KEY):
        raise pulumi.RunError(f"{KEY} is in plain text. Remove it, and for each value {how_to_set('<name>')}")
    values: dict[str, Any] = json.loads(text)
    return {name: pulumi.Output.secret(str(value)) for name, value in values.items()}


def secrets_of(team: TeamConfig, values: Mapping[str, pulumi.Output[str]]) -> dict[str, dict[str, pulumi.Output[str]]]:
    """The team's Secrets that the stack makes itself: values by key by the name of the Secret."""
    return {
        secret.name: {key: value_of(team, name, values) for key, name in secret.keys.items()}
        for secret in team.secrets
        if isinstance(secret, PulumiSecret)
    }


def logins_of(team: TeamConfig, values: Mapping[str, pulumi.Output[str]]) -> tuple[RegistryLogin, ...]:
    return tuple(
        RegistryLogin(registry=login.registry, username=login.username, password=value_of(team, login.password, values))
        for login in team.image_pull
    )


def value_of(team: TeamConfig, name: str, values: Mapping[str, pulumi.Output[str]]) -> pulumi.Output[str]:
    """One of the values, that a team needs. RunError where nobody has set it."""
    if name not in values:
        raise pulumi.RunError(f"teams[{team.name}] needs the secret {name!r}, which is not set; {how_to_set(name)}")
    return values[name]
