"""From a serving entry to its components: the server, its route, and its objectives."""

from __future__ import annotations

import pulumi

from components.gateway.route import ServerRoute, ServerRouteArgs
from components.monitoring.team import ServerObjectives, ServerObjectivesArgs
from components.platform.disruption import Disruption
from components.priorities import names as priorities
from components.serving.autoscaling import Autoscaling
from components.serving.deployment import ModelServer, ModelServerArgs, Probes
from components.serving.rollout import Rollout
from components.serving.served import Served
from stacks.serving import parts
from stacks.serving.config import Serving
from stacks.workloads.arguments import placement_of, program_of
from stacks.workloads.objectives import objectives_of
from stacks.workloads.place import TeamPlace


def build_serving(
    place: TeamPlace, entry: Serving, *, version: str, storage: str, after: list[pulumi.Resource]
) -> Served:
    """The server of a version of a model, which is in `storage`. `after`: the training of that version, if any."""
    program = place.program(
        program_of(
            entry,
            image=entry.image,
            registry=place.registry,
            resources=entry.resources,
            command=entry.command,
            args=entry.args,
        )
    )
    return ModelServer(
        f"{place.owner.team}-serving-{entry.name}",
        ModelServerArgs(
            cluster=place.cluster,
            owner=place.owner,
            namespace=place.namespace,
            entry=entry.name,
            program=program,
            model=entry.model,
            version=version,
            models=place.storages[storage],
            port=entry.port,
            replicas=entry.replicas or 1,
            autoscaling=autoscaling_of(entry.autoscaling),
            probes=Probes(**entry.probes.model_dump(by_alias=False)),
            rollout=Rollout(max_surge=entry.rollout.max_surge, max_unavailable=entry.rollout.max_unavailable),
            disruption=Disruption(**entry.disruption.model_dump(by_alias=False)),
            drain_seconds=entry.drain_seconds,
            placement=placement_of(entry, place.owner.team, priority=priorities.SERVING),
            after=after,
            secret_versions=place.versions_of(program),
            changing_secrets=place.changing_of(program),
            image_pull_secret=place.image_pull_secret,
        ),
        place.child,
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
            objectives=objectives_of(place.slo, entry.slo),
        ),
        place.child,
    )
