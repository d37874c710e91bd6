"""What the components take from a config: pure functions from the models of a stack file to arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from components.gateway.mesh import Mesh, NamespaceMesh, namespace_mesh
from components.gpu import claims
from components.gpu.resources import GPU, SHARED_GPU, mig_resource
from components.placement import GPU_TOLERATION, HOST, POOL_LABEL, ZONE, Placement, Spread, team_toleration
from components.pods import Program, Resources, SecretFiles, SecretKey
from components.priorities import names as priorities
from components.serving.autoscaling import Autoscaling
from components.teams.access import Role
from components.teams.network import Direction, Peer, Traffic
from stacks.environment.config import Environment, Quota, Team
from stacks.language.images import resolve_image
from stacks.serving.config import Serving
from stacks.storage.config import Storage
from stacks.team_stack.config import TeamStack
from stacks.training.config import Training
from stacks.workloads.config import Container
from stacks.workloads.config import Resources as ResourcesConfig
from stacks.workloads.placement import Placement as PlacementConfig

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
        env_from=container.env_from,
        secret_files=[SecretFiles(secret=files.secret, path=files.path) for files in container.secret_files],
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


def by_claim(program: Program) -> Program:
    """The same program with GPUs by claim, not as a resource. The team has a template for each number of them."""
    asked = program.resources
    if GPU not in asked.limits:
        return program
    return replace(
        program,
        resources=Resources(
            requests={name: amount for name, amount in asked.requests.items() if name != GPU},
            limits={name: amount for name, amount in asked.limits.items() if name != GPU},
            claim_template=claims.template_name(int(asked.limits[GPU])),
        ),
    )


def claimed_gpus(team: Team) -> list[int]:
    """The numbers of GPUs that pods of the team ask for, each once."""
    asked = [entry.resources.gpus for entry in (*team.training, *team.serving)]
    asked += [entry.preprocess_resources.gpus for entry in team.training]
    return sorted({number for number in asked if number})


def is_retained(storage: Storage, environment: Environment | TeamStack) -> bool:
    """Whether claim and data stay on the cluster when the stack drops the storage."""
    if storage.reclaim is None:
        return environment.protects_data
    return storage.reclaim == "Retain"


def is_protected(storage: Storage, environment: Environment | TeamStack) -> bool:
    """Whether Pulumi refuses to delete the claim. A storage with `reclaim: Delete` asks for the opposite."""
    return environment.protects_data and storage.reclaim != "Delete"


def quota_hard(quota: Quota | None, *, dra: bool = False) -> dict[str, str]:
    """The `hard` of a ResourceQuota: quantities by resource name, without what is not limited.

    `dra`: GPUs are claimed, so that claims are counted.
    """
    if quota is None:
        return {}
    limits = {
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
        claims.QUOTA if dra else f"requests.{GPU}": quota.gpus,
        f"requests.{SHARED_GPU}": quota.shared_gpus,
        **{f"requests.{mig_resource(profile)}": limit for profile, limit in quota.mig.items()},
        "pods": quota.pods,
        "requests.storage": quota.storage,
    }
    return {name: str(limit) for name, limit in limits.items() if limit is not None}


def traffic_of(team: Team) -> tuple[Traffic, ...]:
    """The connections that a team declares."""
    if team.network is None:
        return ()
    directions: tuple[Direction, ...] = ("egress", "ingress")
    return tuple(
        Traffic(
            direction=direction,
            peer=Peer(cidr=entry.cidr, namespace=entry.namespace),
            ports=entry.ports,
            protocol=entry.protocol,
            workload=entry.workload,
        )
        for direction in directions
        for entry in getattr(team.network, direction)
    )


def groups_of(team: Team) -> dict[Role, Sequence[str]]:
    return {"viewer": team.viewers, "developer": team.developers, "owner": team.owners}


def mesh_of(environment: Environment, team: Team) -> NamespaceMesh:
    """What joins a team's namespace to the environment's mesh: nothing without one, or where the team stays out."""
    mesh = environment.mesh
    if mesh is None or team.mesh is False:
        return NamespaceMesh()
    plane = mesh.control_plane or ("linkerd" if mesh.kind == "linkerd" else "istio-system")
    return namespace_mesh(Mesh(kind=mesh.kind, control_plane=plane, revision=mesh.revision))


def training_placement(entry: Training, team: str) -> Placement:
    return _placement(entry, team, priority=priorities.TRAINING)


def serving_placement(entry: Serving, team: str) -> Placement:
    return _placement(entry, team, priority=priorities.SERVING)


def _placement(entry: PlacementConfig, team: str, *, priority: str) -> Placement:
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
    node_selector = dict(entry.node_selector)
    if entry.pool is not None:
        node_selector[POOL_LABEL] = entry.pool
        # It has an effect only where the pool is dedicated, which can then only be to this team.
        tolerations.append(team_toleration(team))
    return Placement(
        node_selector=node_selector,
        tolerations=tolerations,
        priority=entry.priority or priority,
        required_nodes=entry.affinity.nodes.required,
        preferred_nodes=entry.affinity.nodes.preferred,
        near=entry.affinity.near,
        away=entry.affinity.away,
        spread=[
            Spread(topology=ZONE if spread.over == "zone" else HOST, max_skew=spread.max_skew, required=spread.required)
            for spread in entry.topology_spread
        ],
    )


def prepare_placement(entry: Training, team: str) -> Placement:
    """Where the Job that prepares data runs: where the entry says, or anywhere where that is a pool of GPU nodes.

    Preparing data needs no GPU, and a GPU node has better things to do. An entry that trains on GPUs and chooses its
    nodes by label most likely chose GPU nodes too, but who can tell; there the pod bears their taint, or it would wait
    for ever.
    """
    placement = training_placement(entry, team)
    if not entry.resources.gpu_resources or entry.preprocess_resources.gpu_resources:
        return placement
    if entry.pool is not None:
        return Placement(priority=placement.priority)
    if not entry.node_selector:
        return placement
    return replace(placement, tolerations=[*placement.tolerations, GPU_TOLERATION])


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
