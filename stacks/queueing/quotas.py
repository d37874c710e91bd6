"""What each team's queue owns, borrows and lends: pure functions from an environment's config to quotas.

A team's `quota` is the most that all of its pods may use: Kubernetes enforces it, and Kueue knows nothing of it. So a
queue never promises what the quota would refuse: what servers take at full load is taken off first, and what the
queue may borrow ends where the quota does.

The GPUs of a pool that no team owns and no server takes belong to the cohort, and any of its queues may borrow them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from components.gpu_resources import GPU
from components.placement import POOL_LABEL
from components.quantities import format_bytes, format_cpu, parse_quantity
from stacks.clouds.config import Cluster
from stacks.clouds.pools import PoolFacts
from stacks.gpu.config import Gpu, known_pools
from stacks.queueing.config import QueueingConfig
from stacks.teams.config import TeamConfig
from stacks.teams.queue import Amounts, Queue
from stacks.workloads.placement import PlacementConfig
from stacks.workloads.pod_sets import demand

FORMATS: Mapping[str, Callable[[Fraction], str]] = {"cpu": format_cpu, "memory": format_bytes}


@dataclass(frozen=True, kw_only=True)
class Amount:
    """What a queue has of one resource. None: as much as others leave idle; others may have all of it."""

    nominal: Fraction
    borrowing: Fraction | None = None
    lending: Fraction | None = None


@dataclass(frozen=True, kw_only=True)
class QueueQuotas:
    """All that one queue counts: CPU and memory by resource name, GPUs by pool."""

    resources: Mapping[str, Amount]
    gpus: Mapping[str, Amount]


def gpu_pools(cluster: Cluster, gpu: Gpu | None, queueing: QueueingConfig | None) -> tuple[PoolFacts, ...]:
    """The pools that offer whole GPUs, as far as the config knows, in its order: Kueue tries them in this one."""
    # Parts of shared GPUs have names of their own, which no queue counts.
    pools = [pool for pool in known_pools(cluster, gpu) if pool.whole_gpus]
    return (*pools, *(flavor.pool(index) for index, flavor in enumerate(queueing.flavors if queueing else ())))


def open_to(team: TeamConfig, pools: Sequence[PoolFacts]) -> tuple[PoolFacts, ...]:
    """The pools that are not dedicated to another team."""
    return tuple(pool for pool in pools if pool.team in (None, team.name))


def pools_of(workload: PlacementConfig, pools: Sequence[PoolFacts]) -> tuple[PoolFacts, ...]:
    """The pools on which a workload's pods may run, by its `pool` or node selector."""
    wanted = {**workload.node_selector, **({POOL_LABEL: workload.pool} if workload.pool else {})}
    return tuple(
        pool
        for pool in pools
        if all(wanted.get(key, value) == value for key, value in pool.node_labels.items())
        # Nobody is on a dedicated pool without naming it.
        and (pool.team is None or workload.pool == pool.name)
    )


def serving_load(team: TeamConfig, resource: str) -> Fraction:
    """What a team's servers ask for of `cpu`, `memory` or `gpus` at full load, a rollout included."""
    return demand(team.serving, GPU if resource == "gpus" else resource)


def serving_gpus(team: TeamConfig, pools: Sequence[PoolFacts]) -> dict[str, int]:
    """GPUs that a team's servers take of each pool at full load, as far as the config says of which."""
    taken = dict.fromkeys((pool.name for pool in pools), 0)
    for pods in (pods for server in team.serving for pods in server.pod_sets()):
        possible = pools_of(pods.placement, pools)
        if len(possible) == 1:
            taken[possible[0].name] += pods.count * pods.resources.gpus
    return taken


def amount(
    *,
    room: Fraction | None,
    nominal: Fraction | None,
    borrowing: Fraction | None = None,
    lending: Fraction | None = None,
    cohort: bool,
) -> Amount | None:
    """What a queue has of one resource; None where neither quota nor queue says anything.

    `room`: what the team's quota leaves for training. The others are what its `queue` says.
    """
    own = room if nominal is None else nominal
    if own is None:
        return None
    if not cohort:
        return Amount(nominal=own)
    left = None if room is None else max(room - own, Fraction(0))
    return Amount(nominal=own, borrowing=left if borrowing is None else borrowing, lending=lending)


def quotas_of(team: TeamConfig, pools: Sequence[PoolFacts], *, cohort: bool) -> QueueQuotas:
    """What the queue of a team counts, and how much it has of it. pools: all of `gpu_pools`."""
    queue, pools = team.queue or Queue(), open_to(team, pools)
    resources: dict[str, Amount] = {}
    for resource in FORMATS:
        found = amount(
            room=room_of(team, resource),
            nominal=_said(queue, resource),
            borrowing=_said(queue.borrowing_limit, resource),
            lending=_said(queue.lending_limit, resource),
            cohort=cohort,
        )
        if found is not None:
            resources[resource] = found
    return QueueQuotas(resources=resources, gpus=_gpu_amounts(team, queue, pools, cohort=cohort))


def _gpu_amounts(team: TeamConfig, queue: Queue, pools: Sequence[PoolFacts], *, cohort: bool) -> dict[str, Amount]:
    room = room_of(team, "gpus")
    own, borrowing, lending = (
        by_pool(said, pools) for said in (queue.gpus, queue.borrowing_limit.gpus, queue.lending_limit.gpus)
    )
    if queue.gpus is None and len(pools) == 1 and room is not None:
        own = {pools[0].name: room}
    # One quota for all pools: what it leaves may be borrowed of any of them.
    left = None if room is None else max(room - sum(own.values(), Fraction(0)), Fraction(0))
    amounts: dict[str, Amount] = {}
    for pool in pools:
        nominal = own.get(pool.name, Fraction(0))
        amounts[pool.name] = (
            Amount(nominal=nominal, borrowing=borrowing.get(pool.name, left), lending=lending.get(pool.name))
            if cohort
            else Amount(nominal=nominal)
        )
    return amounts


def room_of(team: TeamConfig, resource: str) -> Fraction | None:
    """What a team's quota leaves for training; None without a quota."""
    ceiling = getattr(team.quota, resource) if team.quota is not None else None
    if ceiling is None:
        return None
    return max(parse_quantity(str(ceiling)) - serving_load(team, resource), Fraction(0))


def owned_of(gpus: Mapping[str, Amount], pool: str) -> int:
    """GPUs of a pool that a queue owns; none of one that is dedicated to another team."""
    return int(gpus[pool].nominal) if pool in gpus else 0


def by_pool(said: int | Mapping[str, int] | None, pools: Sequence[PoolFacts]) -> dict[str, Fraction]:
    """GPUs by pool, of what the config says: a number means the only pool there is."""
    if said is None:
        return {}
    if isinstance(said, int):
        return {pool.name: Fraction(said) for pool in pools[:1]}
    return {name: Fraction(gpus) for name, gpus in said.items()}


def _said(amounts: Queue | Amounts, resource: str) -> Fraction | None:
    said = getattr(amounts, resource)
    return None if said is None else parse_quantity(said)


def shared_gpus(teams: Sequence[TeamConfig], pools: Sequence[PoolFacts], *, cohort: bool) -> dict[str, int]:
    """GPUs of each pool that no team owns and no server takes. cohort: whether queues lend each other anything."""
    left = {pool.name: pool.whole_gpus for pool in pools}
    for team in teams:
        owned, served = quotas_of(team, pools, cohort=cohort).gpus, serving_gpus(team, pools)
        for pool in pools:
            left[pool.name] -= owned_of(owned, pool.name) + served[pool.name]
    return {name: max(gpus, 0) for name, gpus in left.items()}
