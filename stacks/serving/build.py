"""From a serving entry to its components: the server, its route, and its objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, assert_never

import pulumi

from components.cluster import Cluster
from components.gateway.route import ServerRoute, ServerRouteArgs
from components.labels import Owner
from components.monitoring.team import ServerObjectives, ServerObjectivesArgs
from components.placement import Placement
from components.platform.disruption import Disruption
from components.pods import Program
from components.priorities import names as priorities
from components.serving.autoscaling import Autoscaling
from components.serving.backup import Backup
from components.serving.deployment import ModelServer, ModelServerArgs
from components.serving.engines import FACTS
from components.serving.rollout import Rollout
from components.serving.served import Served
from components.serving.server import Probes
from components.serving.stateful import StatefulServer, StatefulServerArgs, Volume
from components.serving.tensorflow import REST_PORT, Batching, TensorFlowServer, TensorFlowServerArgs
from components.storage.access import TeamStorage
from stacks.serving import parts
from stacks.serving.config import Serving
from stacks.serving.engines import stateful, tensorflow
from stacks.serving.engines.deployment import DeploymentServing
from stacks.serving.engines.stateful import StatefulServing
from stacks.serving.engines.tensorflow import TensorFlowServing
from stacks.serving.entry import ModelServing
from stacks.workloads.arguments import placement_of, program_of
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.objectives import objectives_of
from stacks.workloads.place import TeamPlace


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """The version of a model that a server gets. `storage` holds it; `after` is its training, if this stack has it."""

    version: str
    storage: str
    after: Sequence[pulumi.Resource] = ()


def build_serving(place: TeamPlace, entry: Serving, model: ServedModel | None) -> Served:
    """The server of an entry, whatever its engine. `model` is None for an entry that serves none."""
    name = f"{place.owner.team}-serving-{entry.name}"
    match entry:
        case DeploymentServing():
            return ModelServer(name, model_server_args(place, entry, required(entry, model)), place.child)
        case TensorFlowServing():
            return TensorFlowServer(name, tensorflow_server_args(place, entry, required(entry, model)), place.child)
        case StatefulServing():
            return StatefulServer(name, stateful_server_args(place, entry), place.child)
        case _:
            assert_never(entry)


def required(entry: Serving, model: ServedModel | None) -> ServedModel:
    if model is None:
        raise LookupError(f"serving[{entry.name}]: there is no model")
    return model


class Common(TypedDict):
    """The arguments of servers of every engine."""

    cluster: Cluster
    owner: Owner
    namespace: pulumi.Input[str]
    entry: str
    program: Program
    disruption: Disruption
    drain_seconds: int
    placement: Placement
    secret_versions: Mapping[str, pulumi.Input[str]]
    changing_secrets: Sequence[str]
    image_pull_secret: str | None


def common(place: TeamPlace, entry: Serving) -> Common:
    program = program_in(place, entry, resources=entry.resources, image=image_of(place, entry), args=entry.args)
    return {
        "cluster": place.cluster,
        "owner": place.owner,
        "namespace": place.namespace,
        "entry": entry.name,
        "program": program,
        "disruption": Disruption(**entry.disruption.model_dump(by_alias=False)),
        "drain_seconds": entry.drain_seconds,
        "placement": placement_of(entry, place.owner.team, priority=priorities.SERVING),
        "secret_versions": place.versions_of(program),
        "changing_secrets": place.changing_of(program),
        "image_pull_secret": place.image_pull_secret,
    }


def image_of(place: TeamPlace, entry: Serving) -> str:
    """The entry's image, or the one that the catalog has for its kind."""
    if isinstance(entry, TensorFlowServing) and entry.runs_own_image(place.cluster.kind):
        return place.cluster.sources.image(tensorflow.PROGRAM)
    return entry.image


def program_in(
    place: TeamPlace,
    entry: Serving,
    *,
    resources: ResourcesConfig,
    image: str,
    args: Sequence[str],
    command: Sequence[str] | None = None,
) -> Program:
    """A program with the environment of an entry."""
    made = program_of(
        entry,
        image=image,
        registry=place.registry,
        resources=resources,
        command=entry.command if command is None else command,
        args=args,
    )
    return place.program(made)


class OfModel(TypedDict):
    """The arguments of servers of a model."""

    model: str
    version: str
    models: TeamStorage
    replicas: int
    autoscaling: Autoscaling | None
    rollout: Rollout
    after: Sequence[pulumi.Resource]


def of_model(place: TeamPlace, entry: ModelServing, model: ServedModel) -> OfModel:
    return {
        "model": entry.model,
        "version": model.version,
        "models": place.storages[model.storage],
        "replicas": entry.replicas or 1,
        "autoscaling": autoscaling_of(entry.autoscaling),
        "rollout": Rollout(max_surge=entry.rollout.max_surge, max_unavailable=entry.rollout.max_unavailable),
        "after": model.after,
    }


def model_server_args(place: TeamPlace, entry: DeploymentServing, model: ServedModel) -> ModelServerArgs:
    probes = Probes(**entry.probes.model_dump(by_alias=False))
    return ModelServerArgs(**common(place, entry), **of_model(place, entry, model), port=entry.port, probes=probes)


def tensorflow_server_args(place: TeamPlace, entry: TensorFlowServing, model: ServedModel) -> TensorFlowServerArgs:
    # It answers there once the model is loaded, and does not listen before.
    path = f"/v1/models/{entry.model}"
    times = entry.probes.model_dump(by_alias=False)
    batching = entry.batching
    return TensorFlowServerArgs(
        **common(place, entry),
        **of_model(place, entry, model),
        port=REST_PORT,
        probes=Probes(liveness_path=path, readiness_path=path, **times),
        batching=batching
        and Batching(
            max_batch_size=batching.max_batch_size,
            timeout_micros=batching.timeout,
            max_enqueued=batching.max_enqueued,
            threads=batching.threads,
        ),
        warmup=entry.warmup,
    )


def stateful_server_args(place: TeamPlace, entry: StatefulServing) -> StatefulServerArgs:
    volume = entry.volume
    return StatefulServerArgs(
        **common(place, entry),
        port=entry.port,
        replicas=entry.replicas,
        probes=Probes(**entry.probes.model_dump(by_alias=False)),
        volume=Volume(
            size=volume.size,
            path=volume.path,
            storage_class=volume.storage_class or place.cluster.storage_class,
            protect=place.protects_data and volume.reclaim != "Delete",
            retain=place.protects_data if volume.reclaim is None else volume.reclaim == "Retain",
        ),
        backup=backup_of(place, entry, entry.backup) if entry.backup else None,
    )


def backup_of(place: TeamPlace, entry: StatefulServing, backup: stateful.BackupConfig) -> Backup:
    def program(args: Sequence[str]) -> Program:
        image = backup.image or entry.image
        return program_in(place, entry, resources=backup.resources, image=image, args=args, command=backup.command)

    return Backup(
        schedule=backup.schedule,
        time_zone=backup.time_zone,
        storage=place.storages[backup.storage],
        keep=backup.keep,
        program=program(backup.args),
        restore=program(backup.restore_args),
        timeout_seconds=backup.timeout,
    )


def autoscaling_of(wanted: parts.AutoscalingConfig | None) -> Autoscaling | None:
    if wanted is None:
        return None
    return Autoscaling(
        min_replicas=wanted.min,
        max_replicas=wanted.max,
        cpu=wanted.cpu,
        memory=wanted.memory,
        scale_down_after=wanted.scale_down_after,
    )


def build_route(place: TeamPlace, entry: Serving, server: Served) -> ServerRoute | None:
    """The way from outside to the server, where the entry has one."""
    if entry.route is None or place.gateway is None:
        return None
    return ServerRoute(
        f"{place.owner.team}-route-{entry.name}",
        ServerRouteArgs(
            gateway=place.gateway,
            owner=place.owner,
            namespace=place.namespace,
            entry=entry.name,
            service=server.service,
            host=entry.route.host or f"{place.owner.team}.{place.gateway.domain}",
            path=entry.route.path or f"/{entry.name}",
            strip_path=entry.route.strip_path,
            timeout_seconds=entry.route.timeout_seconds,
        ),
        place.child,
    )


def build_objectives(place: TeamPlace, entry: Serving) -> ServerObjectives | None:
    """The objectives of the server, where the environment has monitoring."""
    if place.monitoring is None or place.slo is None:
        return None
    return ServerObjectives(
        f"{place.owner.team}-slo-{entry.name}",
        ServerObjectivesArgs(
            monitoring=place.monitoring,
            owner=place.owner,
            namespace=place.namespace,
            namespace_name=place.namespace_name,
            entry=entry.name,
            facts=FACTS[entry.kind],
            objectives=objectives_of(place.slo, entry.slo),
        ),
        place.child,
    )
