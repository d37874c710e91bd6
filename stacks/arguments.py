"""What the components take from a config: pure functions from the models of a stack file to arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.platform.mesh import Mesh, NamespaceMesh, namespace_mesh
from components.pods import GPU, GPU_TOLERATION, Placement, Program, Resources, SecretKey
from components.serving.autoscaling import Autoscaling
from components.tenancy.access import Role
from stacks.config import Environment, Quota, Team
from stacks.image_names import resolve_image
from stacks.serving_config import Serving
from stacks.storage_config import Storage
from stacks.team_stack_config import TeamStack
from stacks.training_config import Training
from stacks.workload_config import Container
from stacks.workload_config import Placement as PlacementConfig
from stacks.workload_config import Resources as ResourcesConfig

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core


def program_of(
    container: Container,
    *,
    image: str,
    registry: str,
    resources: ResourcesConfig,
    command: Sequence[str],
    args: Sequence[str],
) -> Program:
    """A container of the config. `registry` is where the sample images are."""
    required = resources.kubernetes()
    return Program(
        image=resolve_image(image, registry),
        resources=Resources(requests=required["requests"], limits=required["limits"]),
        command=command,
        args=args,
        env=container.env,
        secret_env={
            name: SecretKey(secret=source.secret, key=source.key) for name, source in container.secret_env.items()
        },
    )


def train_program(entry: Training, registry: str) -> Program:
    return program_of(
        entry,
        image=entry.image,
        registry=registry,
        resources=entry.resources,
        command=entry.command,
        args=entry.args,
    )


def prepare_program(entry: Training, registry: str) -> Program | None:
    """What prepares the data, if something does: in the entry's image unless it has one of its own."""
    preprocess = entry.preprocess
    if preprocess is None:
        return None
    return program_of(
        preprocess,
        image=preprocess.image or entry.image,
        registry=registry,
        resources=entry.preprocess_resources,
        command=preprocess.command,
        args=preprocess.args,
    )


def server_program(entry: Serving, registry: str) -> Program:
    return program_of(
        entry,
        image=entry.image,
        registry=registry,
        resources=entry.resources,
        command=entry.command,
        args=entry.args,
    )


def is_retained(storage: Storage, environment: Environment | TeamStack) -> bool:
    """Whether claim and data stay on the cluster when the stack drops the storage."""
    if storage.reclaim is None:
        return environment.protects_data
    return storage.reclaim == "Retain"


def is_protected(storage: Storage, environment: Environment | TeamStack) -> bool:
    """Whether Pulumi refuses to delete the claim. A storage with `reclaim: Delete` asks for the opposite."""
    return environment.protects_data and storage.reclaim != "Delete"


def quota_hard(quota: Quota | None) -> dict[str, str]:
    """The `hard` of a ResourceQuota: quantities by resource name, without what is not limited."""
    if quota is None:
        return {}
    limits = {
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
        f"requests.{GPU}": quota.gpus,
        "pods": quota.pods,
        "requests.storage": quota.storage,
    }
    return {name: str(limit) for name, limit in limits.items() if limit is not None}


def groups_of(team: Team) -> dict[Role, Sequence[str]]:
    return {"viewer": team.viewers, "developer": team.developers, "owner": team.owners}


def mesh_of(environment: Environment, team: Team) -> NamespaceMesh:
    """What joins a team's namespace to the environment's mesh: nothing without one, or where the team stays out."""
    mesh = environment.mesh
    if mesh is None or team.mesh is False:
        return NamespaceMesh()
    plane = mesh.control_plane or ("linkerd" if mesh.kind == "linkerd" else "istio-system")
    return namespace_mesh(Mesh(kind=mesh.kind, control_plane=plane, revision=mesh.revision))


def placement_of(entry: PlacementConfig) -> Placement:
    tolerations: list[core.TolerationArgsDict] = []
    for wanted in entry.tolerations:
        toleration: core.TolerationArgsDict = {"operator": wanted.operator}
        if wanted.key is not None:
            toleration["key"] = wanted.key
        if wanted.value:
            toleration["value"] = wanted.value
        if wanted.effect is not None:
            toleration["effect"] = wanted.effect
        tolerations.append(toleration)
    return Placement(node_selector=entry.node_selector, tolerations=tolerations, priority=entry.priority)


def prepare_placement(entry: Training) -> Placement:
    """Where the Job that prepares data runs: where the entry says.

    An entry that trains on GPUs and chooses its nodes most likely chose GPU nodes. Preparing data needs no
    GPU, so that pod would not bear their taint and wait for ever; here it bears it.
    """
    placement = placement_of(entry)
    if not (entry.resources.gpus and entry.node_selector):
        return placement
    return Placement(
        node_selector=placement.node_selector,
        tolerations=[*placement.tolerations, GPU_TOLERATION],
        priority=placement.priority,
    )


def autoscaling_of(entry: Serving) -> Autoscaling | None:
    wanted = entry.autoscaling
    if wanted is None:
        return None
    return Autoscaling(
        min_replicas=wanted.min,
        max_replicas=wanted.max,
        cpu=wanted.cpu,
        memory=wanted.memory,
        scale_down_after=wanted.scale_down_after,
    )
