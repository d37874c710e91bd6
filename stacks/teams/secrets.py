"""Secrets of teams: what a team's entry says of them, and where their values are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from stacks.clouds.kinds import CloudSecret
from stacks.language.faults import PROJECT, Fault
from stacks.language.model import ConfigModel, Rule, rule, shown
from stacks.language.types import Filled, Name, SecretKeyName, check_name

# The config key with the values: a mapping of names to secrets of Pulumi.
VALUES = "secrets"


def how_to_set(name: str) -> str:
    return f"run: pulumi config set --secret --path '{PROJECT}:{VALUES}.{name}'"


def check_value_name(value: object) -> str:
    """The name of a value under `ml-platform:secrets`."""
    if isinstance(value, dict):
        raise ValueError(
            "is a mapping, as Secrets of a secret store have it; write their kind: beside keys, or the name of a value"
        )
    return check_name(value)


ValueName = Annotated[
    str, Rule("name of a value", check_value_name, "a name under `ml-platform:secrets`, as names are written")
]


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


def _kind_of(value: Any) -> Any:
    return value.get("kind", "pulumi") if isinstance(value, dict) else getattr(value, "kind", "pulumi")


# Not pydantic's plain discriminator: that one wants the key in the file even where the model has a default.
Secret = Annotated[
    Annotated[PulumiSecret, Tag("pulumi")] | CloudSecret,
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
