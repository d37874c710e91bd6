"""What training and serving entries have in common: resources, environment and placement of their containers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from stacks.quantities import format_bytes, format_cpu, parse_quantity
from stacks.types import ConfigModel, Cpu, EnvName, LabelKey, LabelValue, Memory, ObjectName, shown

GPU_RESOURCE = "nvidia.com/gpu"
# Whole words of a variable's name, so that TOKENIZERS_PARALLELISM and MAX_TOKENS pass.
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|KEY|APIKEY|CREDENTIALS?)(?:$|_)", re.I
)


class Limits(ConfigModel):
    """The most a container may use, where that is more than what it asks for."""

    cpu: Cpu | None = Field(default=None, description="Most CPU. Else the request.")
    memory: Memory | None = Field(default=None, description="Most memory. Else the request.")


class Resources(ConfigModel):
    """What one container asks for and the most it gets."""

    # A limit below this is raised to it where the config gives no CPU limit: start-up needs more than steady work.
    least_cpu_limit: ClassVar[str | None] = None

    cpu: Cpu = Field(default="1", description="CPU that is reserved, in cores or millicores.")
    memory: Memory = Field(default="1Gi", description="Memory that is reserved.")
    gpus: int = Field(default=0, ge=0, le=16, description="GPUs; they are never shared or overcommitted.")
    limits: Limits = Field(
        default=Limits(), description="The most it may use, where that is more than is reserved."
    )

    @model_validator(mode="after")
    def _limits_hold_requests(self) -> Self:
        for key, request, limit, text in (
            ("cpu", self.cpu, self.limits.cpu, format_cpu),
            ("memory", self.memory, self.limits.memory, format_bytes),
        ):
            if limit is not None and parse_quantity(limit) < parse_quantity(request):
                least = text(parse_quantity(request))
                raise ValueError(
                    f"limits.{key} {shown(limit)} is below the request {key} {shown(request)}; "
                    f"raise the limit to at least {least}, or lower {key}"
                )
        return self

    def kubernetes(self) -> dict[str, dict[str, str]]:
        """The `resources` of a container: `requests` and `limits`, as quantities by resource name."""
        least = self.least_cpu_limit
        raised = self.cpu if least is None or parse_quantity(self.cpu) >= parse_quantity(least) else least
        gpus = {GPU_RESOURCE: str(self.gpus)} if self.gpus else {}
        requests = {"cpu": self.cpu, "memory": self.memory, **gpus}
        limits = {"cpu": self.limits.cpu or raised, "memory": self.limits.memory or self.memory, **gpus}
        return {"requests": requests, "limits": limits}


class SecretKey(ConfigModel):
    """One key of a Kubernetes Secret in the team's namespace."""

    secret: ObjectName = Field(description="Name of the Secret.")
    key: str = Field(pattern=r"^[-._a-zA-Z0-9]{1,253}$", description="Key in the Secret.")


class Container(ConfigModel):
    """The environment of a container."""

    # Variables that the platform sets itself.
    platform_variables: ClassVar[frozenset[str]] = frozenset()

    env: Mapping[EnvName, str] = Field(
        default={}, description="Environment variables; values are strings. Never secrets: see `secretEnv`."
    )
    secret_env: Mapping[EnvName, SecretKey] = Field(
        default={}, description="Environment variables whose values come from Kubernetes Secrets."
    )

    @field_validator("env", "secret_env")
    @classmethod
    def _not_the_platforms(cls, env: Mapping[str, object]) -> Mapping[str, object]:
        if taken := sorted(cls.platform_variables & env.keys()):
            raise ValueError(f"{', '.join(taken)} is set by the platform; remove it, or use another name")
        return env

    @field_validator("env")
    @classmethod
    def _no_plain_secrets(cls, env: Mapping[str, str]) -> Mapping[str, str]:
        if named := sorted(name for name in env if _SECRET_NAME.search(name)):
            raise ValueError(
                f"{', '.join(named)} looks like a secret, and this file is not one; "
                f"refer to a Kubernetes Secret: secretEnv: {{{named[0]}: {{secret: …, key: …}}}}"
            )
        return env

    @model_validator(mode="after")
    def _env_names_once(self) -> Self:
        if twice := sorted(self.env.keys() & self.secret_env.keys()):
            raise ValueError(f"{', '.join(twice)} is in env and in secretEnv; remove one of the two")
        return self


class Toleration(ConfigModel):
    """A node taint that a workload's pods bear."""

    key: LabelKey | None = Field(default=None, description="Key of the taint; without it, every taint.")
    operator: Literal["Equal", "Exists"] = Field(
        default="Equal", description="How key and value are compared."
    )
    value: LabelValue | None = Field(default=None, description="Value of the taint, with `Equal`.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint; without it, every effect."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.operator == "Equal" and self.key is None:
            raise ValueError("needs a key; name the taint, or write operator: Exists to bear every taint")
        if self.operator == "Exists" and self.value is not None:
            raise ValueError("operator: Exists takes no value; remove it, or write operator: Equal")
        return self


class Placement(ConfigModel):
    """Where a workload's pods run and who goes first."""

    priority: ObjectName | None = Field(default=None, description="PriorityClass of the pods, by name.")
    node_selector: Mapping[LabelKey, LabelValue] = Field(
        default={}, description="Labels that a node must have."
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(),
        strict=False,
        description="Taints that the pods bear. GPU pods bear the GPU taint by themselves.",
    )
