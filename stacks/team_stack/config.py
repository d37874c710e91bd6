"""The stack config `ml-platform:team`: one team's workloads, in a stack of their own, on an environment of another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field
from pydantic.alias_generators import to_camel

from stacks.clouds.config import BY_OUTPUTS, TeamCluster
from stacks.clouds.kinds import TeamKeys
from stacks.clouds.secrets import StoreSecret
from stacks.environment.config import Images
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, Rule, rule, shown, unique_names
from stacks.storage.config import Storage
from stacks.teams.config import TeamConfig


def check_stack_reference(value: object) -> str:
    """The full name of a stack, as StackReference takes it."""
    if not isinstance(value, str) or not re.fullmatch(r"[\w.-]+/[\w.-]+/[\w.-]+", value):
        raise ValueError(
            f"{shown(value)} is not a stack; write organization/project/stack, such as "
            '"organization/ml-platform/prod" where the state is in S3'
        )
    return value


StackName = Annotated[
    str,
    Rule(
        "full name of a stack",
        check_stack_reference,
        "organization, project and stack: `organization/ml-platform/prod`",
    ),
]

# What the environment's stack says of a team, for it needs more rights than a team has.
_OF_THE_ENVIRONMENT = ("quota", "queue", "owners", "developers", "viewers", "mesh", "network", *TeamKeys.model_fields)


class TeamStack(ConfigModel):
    """The workloads of one team. Namespace, members and quota are in the environment's stack."""

    environment: StackName = Field(description="Stack of the environment, whose outputs provide cluster and role.")
    cluster: TeamCluster = Field(
        default=BY_OUTPUTS,
        description="How the team reaches the environment's cluster. Default: by the outputs of its stack, where it "
        "is in a cloud. Otherwise `kind: existing`, with a kubeconfig that has the team's rights.",
    )
    images: Images = Field(default=Images(), description="Registry of the sample images.")
    protect_data: bool = Field(default=True, description="Whether volumes are protected from deletion.")
    gpu_claims: bool = Field(default=False, description="Whether the environment has `gpu.dra`.")
    storage: Many[Storage] = Field(default=(), description="Storage that workloads use, by name.")
    team: TeamConfig = Field(description="The team, under its name in the environment, and its workloads.")

    _names = unique_names("storage")

    @rule()
    def _nothing_of_the_environment(self) -> Iterator[Fault]:
        for key in _OF_THE_ENVIRONMENT:
            if key in self.team.model_fields_set:
                message = "is said in the environment's stack; remove the key here"
                yield Fault(path=("team", to_camel(key)), message=message)
        for index, secret in enumerate(self.team.secrets):
            if isinstance(secret, StoreSecret):
                message = (
                    "is made by the environment's stack, since members of teams may not say what External Secrets "
                    "reads; say the Secret there, and only name it here under envFrom, secretEnv or secretFiles"
                )
                yield Fault(path=("team", "secrets", index, "kind"), message=message)

    @rule()
    def _no_service_of_the_environment(self) -> Iterator[Fault]:
        for index, server in enumerate(self.team.serving):
            if server.route is not None:
                message = (
                    "is at the environment's gateway, which a team stack does not see; "
                    "say the server in the environment's stack, or remove the key"
                )
                yield Fault(path=("team", "serving", index, "route"), message=message)
            if server.slo is not None:
                message = (
                    "is monitored by the environment stack, which a team stack cannot access; "
                    "say the server in the environment's stack, or remove the key"
                )
                yield Fault(path=("team", "serving", index, "slo"), message=message)

    @property
    def teams(self) -> tuple[TeamConfig, ...]:
        """The team, as an environment would have it."""
        return (self.team,)

    @property
    def claims_gpus(self) -> bool:
        return self.gpu_claims

    @property
    def protects_data(self) -> bool:
        return self.protect_data

    def storage_named(self, name: str) -> Storage:
        """The declared storage of that name. KeyError where there is none; a TeamStack has no such reference."""
        return {storage.name: storage for storage in self.storage}[name]
