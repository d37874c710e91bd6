"""Parts that every pod of a team shares: pure functions that return pieces of a Kubernetes pod spec.

The pods pass the `restricted` Pod Security Standard:
https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.gpu_resources import is_gpu_resource
from components.placement import GPU_TOLERATION, Placement, affinity
from components.quantities import canonical_quantities

if TYPE_CHECKING:
    # Only the types: at run time the dictionaries are plain, and the big modules of the SDK stay unloaded.
    from pulumi_kubernetes.core import v1 as core

# The user of the sample images. Any other image must run as it too, so that files on shared volumes have one
# owner.
USER = 10001
# A pod's one claim for devices, as its container names it.
GPU_CLAIM = "gpu"
TMP_VOLUME = "tmp"


@dataclass(frozen=True, kw_only=True)
class SecretKey:
    """One key of a Secret in the pod's namespace."""

    secret: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Requests and limits of a container: Kubernetes quantities by resource name.

    `claim_template`: a ResourceClaimTemplate of the namespace, through which the pod gets its GPUs (DRA). Optional.
    """

    requests: Mapping[str, str]
    limits: Mapping[str, str]
    claim_template: str | None = None

    @property
    def has_gpus(self) -> bool:
        """Whether it is GPU work: that asks for GPUs, or for parts of one."""
        return self.claim_template is not None or any(is_gpu_resource(name) for name in self.limits)


@dataclass(frozen=True, kw_only=True)
class SecretFiles:
    """A Secret as a folder with a file for each of its keys. The kubelet brings new values into the files."""

    secret: str
    path: str

    @property
    def volume(self) -> str:
        return f"secret-{self.secret}"


@dataclass(frozen=True, kw_only=True)
class Program:
    """What a container runs. Without `command` the image's entry point, without `args` the image's own.

    `env_from` are Secrets of which every key becomes a variable.
    """

    image: str
    resources: Resources
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    secret_env: Mapping[str, SecretKey] = field(default_factory=dict[str, SecretKey])
    env_from: Sequence[str] = ()
    secret_files: Sequence[SecretFiles] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The Secrets that it reads, by name."""
        named = [source.secret for source in self.secret_env.values()]
        return tuple(dict.fromkeys([*named, *self.env_from, *(files.secret for files in self.secret_files)]))


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A claim of the pod's namespace at a path of its container."""

    claim: str
    path: str
    read_only: bool

    @property
    def volume(self) -> str:
        """Name of the pod's volume. Prefixed, so that a storage may be called `tmp` too."""
        return f"storage-{self.claim}"


def pod_security_context() -> core.PodSecurityContextArgsDict:
    return {
        "run_as_non_root": True,
        "run_as_user": USER,
        "run_as_group": USER,
        "fs_group": USER,
        # A volume with many files would otherwise be walked and changed at every start of a pod.
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def container_security_context() -> core.SecurityContextArgsDict:
    return {
        "allow_privilege_escalation": False,
        "capabilities": {"drop": ["ALL"]},
        "read_only_root_filesystem": True,
    }


def environment(
    program: Program, variables: Mapping[str, str], secrets: Mapping[str, SecretKey] | None = None
) -> list[core.EnvVarArgsDict]:
    """The program's variables and the platform's, plain and from Secrets, which win, in the order of their names.

    The order is fixed because it is a part of the pod: moving a line in a config file must not change a pod. Of a
    variable without a value there is only the name, since the API server drops an empty value.
    """
    plain: dict[str, core.EnvVarArgsDict] = {
        name: {"name": name, "value": value} if value else {"name": name}
        for name, value in {**program.env, **variables}.items()
        if name not in (secrets or {})
    }
    secret: dict[str, core.EnvVarArgsDict] = {
        name: {"name": name, "value_from": {"secret_key_ref": {"name": source.secret, "key": source.key}}}
        for name, source in {**program.secret_env, **(secrets or {})}.items()
    }
    merged = {**secret, **plain}
    return [merged[name] for name in sorted(merged)]


def volume_mount(mount: Mount) -> core.VolumeMountArgsDict:
    built: core.VolumeMountArgsDict = {"name": mount.volume, "mount_path": mount.path}
    # Not said when false: the API server drops it then, and a refresh would find the pod changed.
    if mount.read_only:
        built["read_only"] = True
    return built


def container(
    name: str,
    program: Program,
    *,
    variables: Mapping[str, str],
    secrets: Mapping[str, SecretKey] | None = None,
    mounts: Sequence[Mount] = (),
) -> core.ContainerArgsDict:
    """A container with a read-only root file system and a writable `/tmp`."""
    resources: core.ResourceRequirementsArgsDict = {
        "requests": canonical_quantities(program.resources.requests),
        "limits": canonical_quantities(program.resources.limits),
    }
    if program.resources.claim_template:
        resources["claims"] = [{"name": GPU_CLAIM}]
    built: core.ContainerArgsDict = {
        "name": name,
        "image": program.image,
        # A sample's tag names its content, and the config refuses tags that move: no node pulls one twice.
        "image_pull_policy": "IfNotPresent",
        "env": environment(program, variables, secrets),
        "resources": resources,
        "security_context": container_security_context(),
        # The last lines of the log show up in the pod's status, hence in Pulumi's error message.
        "termination_message_policy": "FallbackToLogsOnError",
        "volume_mounts": [
            {"name": TMP_VOLUME, "mount_path": "/tmp"},  # noqa: S108
            *(volume_mount(mount) for mount in mounts),
            *({"name": files.volume, "mount_path": files.path, "read_only": True} for files in program.secret_files),
        ],
    }
    if program.env_from:
        built["env_from"] = [{"secret_ref": {"name": secret}} for secret in program.env_from]
    if program.command:
        built["command"] = list(program.command)
    if program.args:
        built["args"] = list(program.args)
    return built


def pod_spec(
    main: core.ContainerArgsDict,
    *,
    service_account: str,
    placement: Placement,
    resources: Resources,
    mounts: Sequence[Mount] = (),
    secret_files: Sequence[SecretFiles] = (),
) -> core.PodSpecArgsDict:
    """A pod of one container, whose mounts, Secrets and resources the others are: each becomes one volume.

    Only a pod that requests GPUs tolerates the taint of GPU nodes, so nothing else occupies them.
    """
    claims = {mount.volume: mount.claim for mount in mounts}
    tolerations = [*placement.tolerations, *([GPU_TOLERATION] if resources.has_gpus else [])]
    built: core.PodSpecArgsDict = {
        "service_account_name": service_account,
        "automount_service_account_token": False,
        # Variables for every Service of the namespace would change a pod with its neighbours.
        "enable_service_links": False,
        "security_context": pod_security_context(),
        "containers": [main],
        "volumes": [
            {"name": TMP_VOLUME, "empty_dir": {}},
            *({"name": name, "persistent_volume_claim": {"claim_name": claims[name]}} for name in sorted(claims)),
            *(
                # For the user of the container alone.
                {"name": name, "secret": {"secret_name": secret, "default_mode": 0o440}}
                for name, secret in sorted({files.volume: files.secret for files in secret_files}.items())
            ),
        ],
    }
    if placement.node_selector:
        built["node_selector"] = dict(placement.node_selector)
    if tolerations:
        built["tolerations"] = tolerations
    if wished := affinity(placement):
        built["affinity"] = wished
    if resources.claim_template:
        built["resource_claims"] = [{"name": GPU_CLAIM, "resource_claim_template_name": resources.claim_template}]
    if placement.priority:
        built["priority_class_name"] = placement.priority
    return built
