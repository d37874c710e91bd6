"""What components take from the containers and the placement of an entry: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from components.gpu import claims
from components.gpu_resources import GPU
from components.jobs import Schedule
from components.placement import HOST, POOL_LABEL, ZONE, Placement, Spread, team_toleration
from components.pods import Program, Resources, SecretFiles, SecretKey
from stacks.language.images import resolve_image
from stacks.workloads.config import Container, ResourcesConfig
from stacks.workloads.placement import PlacementConfig
from stacks.workloads.schedule import ScheduleKeys

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


def placement_of(entry: PlacementConfig, team: str, *, priority: str) -> Placement:
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


def schedule_of(entry: ScheduleKeys) -> Schedule | None:
    return Schedule(cron=entry.schedule, time_zone=entry.time_zone) if entry.schedule is not None else None
