"""What containers of training and serving entries have in common: resources and environment variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import ClassVar, Self

from pydantic import Field

from components.gpu_resources import GPU, SHARED_GPU, mig_resource
from components.quantities import format_bytes, format_cpu, parse_quantity
from components.secret_patterns import names_secret
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule, shown
from stacks.language.types import Cpu, Memory, ObjectName, SecretKeyName
from stacks.workloads.types import EnvName, FolderPath, MigProfile

# Where the platform mounts something itself, and where programs need what is there.
_PLATFORM_FOLDERS = ("/tmp", "/models", "/data", "/proc", "/sys", "/dev", "/bin", "/usr", "/lib")  # noqa: S108


class Limits(ConfigModel):
    """Limits of a container, where they are higher than its requests."""

    cpu: Cpu | None = Field(default=None, description="CPU limit. Default: the request.")
    memory: Memory | None = Field(default=None, description="Memory limit. Default: the request.")


class MigRequest(ConfigModel):
    """Partitions of GPUs (Multi-Instance GPU)."""

    profile: MigProfile = Field(description="Profile of the partitions, one of the environment's `gpu.sharing`.")
    count: int = Field(default=1, ge=1, le=56, description="Number of partitions.")


def _limit_faults(key: str, request: str, limit: str | None, text: Callable[[Fraction], str]) -> Iterator[Fault]:
    if limit is not None and parse_quantity(limit) < parse_quantity(request):
        least = text(parse_quantity(request))
        message = (
            f"{shown(limit)} is below the request, {key} {shown(request)}; "
            f"raise the limit to at least {least}, or lower the request"
        )
        yield Fault(path=("limits", key), message=message)


class ResourcesConfig(ConfigModel):
    """Requests and limits of one container."""

    # Where the config gives no CPU limit, it is at least this: start-up needs more than steady work.
    least_cpu_limit: ClassVar[str | None] = None

    cpu: Cpu = Field(default="1", description="CPU request, in cores or millicores.")
    memory: Memory = Field(default="1Gi", description="Memory request.")
    gpus: int = Field(default=0, ge=0, le=16, description="Number of GPUs. They are never shared or overcommitted.")
    shared_gpus: int = Field(default=0, ge=0, le=1, description="Slices of time-sliced GPUs. Memory is not isolated.")
    mig: MigRequest | None = Field(default=None, description="Partitions of GPUs, each with dedicated memory.")
    limits: Limits = Field(default=Limits(), description="Limits, where they are higher than the requests.")

    @rule()
    def _one_kind_of_gpu(self) -> Iterator[Fault]:
        asked = {"gpus": self.gpus, "sharedGpus": self.shared_gpus, "mig": self.mig}
        said = [key for key, value in asked.items() if value]
        for key in said[1:]:
            yield Fault(path=(key,), message=f"does not go together with {said[0]}; ask for one kind of GPU")

    @rule("cpu")
    def _cpu_limit(self) -> Iterator[Fault]:
        return _limit_faults("cpu", self.cpu, self.limits.cpu, format_cpu)

    @rule("memory")
    def _memory_limit(self) -> Iterator[Fault]:
        return _limit_faults("memory", self.memory, self.limits.memory, format_bytes)

    @property
    def gpu_resources(self) -> dict[str, int]:
        """GPUs and parts of GPUs that it asks for, by resource name."""
        wanted = {GPU: self.gpus, SHARED_GPU: self.shared_gpus}
        if self.mig is not None:
            wanted[mig_resource(self.mig.profile)] = self.mig.count
        return {name: number for name, number in wanted.items() if number}

    def amount(self, resource: str) -> Fraction:
        """What one pod requests of a resource, by its name in Kubernetes; of `pods` it is one."""
        requests = {"cpu": self.cpu, "memory": self.memory, "pods": 1, **self.gpu_resources}
        return parse_quantity(str(requests.get(resource, 0)))

    def without_gpus(self) -> Self:
        """The same CPU and memory."""
        return self.model_copy(update={"gpus": 0, "shared_gpus": 0, "mig": None})

    def kubernetes(self) -> dict[str, dict[str, str]]:
        """The `resources` of a container: `requests` and `limits`, as quantities by resource name."""
        least = self.least_cpu_limit
        raised = self.cpu if least is None or parse_quantity(self.cpu) >= parse_quantity(least) else least
        gpus = {name: str(number) for name, number in self.gpu_resources.items()}
        requests = {"cpu": self.cpu, "memory": self.memory, **gpus}
        limits = {"cpu": self.limits.cpu or raised, "memory": self.limits.memory or self.memory, **gpus}
        return {"requests": requests, "limits": limits}


class SecretKeyConfig(ConfigModel):
    """One key of a Kubernetes Secret in the team's namespace."""

    secret: ObjectName = Field(description="Name of the Secret.")
    key: SecretKeyName = Field(description="Key in the Secret.")


class SecretFilesConfig(ConfigModel):
    """A Secret mounted as a folder."""

    secret: ObjectName = Field(description="Name of the Secret.")
    path: FolderPath = Field(description="Folder in the container, such as `/secrets/db`.")


class Container(ConfigModel):
    """The environment of a container."""

    # Variables that the platform sets itself.
    platform_variables: ClassVar[frozenset[str]] = frozenset()

    env: Mapping[EnvName, str] = Field(
        default={}, description="Environment variables. Values are strings. Not for secrets: use `secretEnv`."
    )
    secret_env: Mapping[EnvName, SecretKeyConfig] = Field(
        default={}, description="Environment variables whose values come from Kubernetes Secrets."
    )
    env_from: Many[ObjectName] = Field(
        default=(), description="Kubernetes Secrets whose keys all become environment variables."
    )
    secret_files: Many[SecretFilesConfig] = Field(
        default=(), description="Kubernetes Secrets mounted as folders, with a file for each key."
    )

    @rule()
    def _variables(self) -> Iterator[Fault]:
        for name in self.env:
            if name in self.secret_env:
                yield Fault(path=("secretEnv", name), message="is in env too; remove one of the two")
        for key, names in (("env", self.env), ("secretEnv", self.secret_env)):
            for name in self.platform_variables & names.keys():
                remedy = "remove it, or use another name"
                yield Fault(path=(key, name), message=f"is a variable that the platform sets; {remedy}")
        for name in filter(names_secret, self.env):
            remedy = f"refer to a Kubernetes Secret instead: secretEnv: {{{name}: {{secret: …, key: …}}}}"
            yield Fault(path=("env", name), message=f"looks like a secret, and this file is not one; {remedy}")

    @rule()
    def _secrets(self) -> Iterator[Fault]:
        for index, secret in enumerate(self.env_from):
            if secret in self.env_from[:index]:
                yield Fault(path=("envFrom", index), message=f"{shown(secret)} is in the list already; remove it")
        paths = [files.path for files in self.secret_files]
        secrets = [files.secret for files in self.secret_files]
        for index, files in enumerate(self.secret_files):
            where = ("secretFiles", index)
            if files.secret in secrets[:index]:
                yield Fault(path=(*where, "secret"), message="is mounted already; remove one of the two")
            for other in (*paths[:index], *_PLATFORM_FOLDERS):
                if f"{files.path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{files.path}/"):
                    message = f"{shown(files.path)} overlaps {shown(other)}; choose a folder of its own"
                    yield Fault(path=(*where, "path"), message=message)
                    break
