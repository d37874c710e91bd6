"""What each team's queue owns, borrows and lends: pure functions from an environment's config to quotas.

A team's `quota` is the most that all of its pods may use: Kubernetes enforces it, and Kueue knows nothing of it. So a
queue never promises what the quota would refuse: what servers take at full load is taken off first, and what the
queue may borrow ends where the quota does.

The GPUs of a pool that no team owns and no server takes belong to the cohort, and any of its queues may borrow them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from components.aws.compute.instance_types import named
from components.gpu.resources import GPU, node_resources
from components.placement import POOL_LABEL
from components.quantities import format_bytes, format_cpu, parse_quantity
from components.queueing.names import DEFAULT_FLAVOR
from stacks.clouds.aws.config import AwsCluster
from stacks.clouds.config import LocalCluster
from stacks.clouds.pools import known_pools
from stacks.language.faults import Fault, Path
from stacks.language.model import did_you_mean, shown
from stacks.queueing.config import Amounts, Queue
from stacks.workloads.pod_sets import demand, total

if TYPE_CHECKING:
    from stacks.environment.config import Environment
    from stacks.teams.config import Team
    from stacks.workloads.placement import Placement

FORMATS: Mapping[str, Callable[[Fraction], str]] = {"cpu": format_cpu, "memory": format_bytes}


@dataclass(frozen=True, kw_only=True)
class GpuPool:
    """Whole GPUs of alike nodes: how many there are at most, and the labels by which pods find them.

    team: the one that they are dedicated to, None for all.
    """

    name: str
    node_labels: Mapping[str, str]
    gpus: int
    team: str | None = None


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


def gpu_pools(environment: Environment) -> tuple[GpuPool, ...]:
    """The pools that offer whole GPUs, as far as the config knows, in its order: Kueue tries them in this one."""
    cluster = environment.cluster
    # Number of nodes, and GPUs of each.
    nodes: dict[str, tuple[int, int]] = {}
    if isinstance(cluster, LocalCluster):
        nodes = {pool.name: (pool.count, pool.gpus) for pool in cluster.simulated_nodes}
    elif isinstance(cluster, AwsCluster):
        # The smallest of the types: a queue promises no more than there is on any of them.
        nodes = {
            pool.name: (pool.max, min((named(one).gpus for one in pool.instance_types), default=0))
            for pool in cluster.node_pools
        }
    pools: list[GpuPool] = []
    for pool in known_pools(environment):
        count, gpus = nodes[pool.name]
        # Parts of shared GPUs have names of their own, which no queue counts.
        if whole := count * node_resources(gpus, pool.sharing).get(GPU, 0):
            pools.append(GpuPool(name=pool.name, node_labels={POOL_LABEL: pool.name}, gpus=whole, team=pool.team))
    if environment.queueing is not None:
        pools += [
            GpuPool(name=flavor.name, node_labels=flavor.node_labels, gpus=flavor.gpus)
            for flavor in environment.queueing.flavors
        ]
    return tuple(pools)


def open_to(team: Team, pools: Sequence[GpuPool]) -> tuple[GpuPool, ...]:
    """The pools that are not dedicated to another team."""
    return tuple(pool for pool in pools if pool.team in (None, team.name))


def pools_of(workload: Placement, pools: Sequence[GpuPool]) -> tuple[GpuPool, ...]:
    """The pools on which a workload's pods may run, by its `pool` or node selector."""
    wanted = {**workload.node_selector, **({POOL_LABEL: workload.pool} if workload.pool else {})}
    return tuple(
        pool
        for pool in pools
        if all(wanted.get(key, value) == value for key, value in pool.node_labels.items())
        # Nobody is on a dedicated pool without naming it.
        and (pool.team is None or workload.pool == pool.name)
    )


def serving_load(team: Team, resource: str) -> Fraction:
    """What a team's servers ask for of `cpu`, `memory` or `gpus` at full load, a rollout included."""
    return demand(team.serving, GPU if resource == "gpus" else resource)


def serving_gpus(team: Team, pools: Sequence[GpuPool]) -> dict[str, int]:
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


def quotas_of(environment: Environment, team: Team) -> QueueQuotas:
    """What the queue of a team counts, and how much it has of it."""
    queue, pools = team.queue or Queue(), open_to(team, gpu_pools(environment))
    cohort = environment.queueing is not None and environment.queueing.cohort is not None
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


def _gpu_amounts(team: Team, queue: Queue, pools: Sequence[GpuPool], *, cohort: bool) -> dict[str, Amount]:
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


def room_of(team: Team, resource: str) -> Fraction | None:
    """What a team's quota leaves for training; None without a quota."""
    ceiling = getattr(team.quota, resource) if team.quota is not None else None
    if ceiling is None:
        return None
    return max(parse_quantity(str(ceiling)) - serving_load(team, resource), Fraction(0))


def owned_of(gpus: Mapping[str, Amount], pool: str) -> int:
    """GPUs of a pool that a queue owns; none of one that is dedicated to another team."""
    return int(gpus[pool].nominal) if pool in gpus else 0


def by_pool(said: int | Mapping[str, int] | None, pools: Sequence[GpuPool]) -> dict[str, Fraction]:
    """GPUs by pool, of what the config says: a number means the only pool there is."""
    if said is None:
        return {}
    if isinstance(said, int):
        return {pool.name: Fraction(said) for pool in pools[:1]}
    return {name: Fraction(gpus) for name, gpus in said.items()}


def _said(amounts: Queue | Amounts, resource: str) -> Fraction | None:
    said = getattr(amounts, resource)
    return None if said is None else parse_quantity(said)


def shared_gpus(environment: Environment) -> dict[str, int]:
    """GPUs of each pool that no team owns and no server takes."""
    pools = gpu_pools(environment)
    left = {pool.name: pool.gpus for pool in pools}
    for team in environment.teams:
        owned, served = quotas_of(environment, team).gpus, serving_gpus(team, pools)
        for pool in pools:
            left[pool.name] -= owned_of(owned, pool.name) + served[pool.name]
    return {name: max(gpus, 0) for name, gpus in left.items()}


# --- faults ---------------------------------------------------------------------------------------


def queue_faults(environment: Environment) -> Iterator[Fault]:
    """What is said of queues where there are none, and queues that promise what there is not."""
    if environment.queueing is None:
        yield from _faults_without_queueing(environment)
        return
    pools = gpu_pools(environment)
    yield from _flavor_faults(environment, pools)
    sound = True
    for index, team in enumerate(environment.teams):
        faults = list(_form_faults(environment, team, open_to(team, pools)))
        sound &= not faults
        faults += _priority_faults(environment, team)
        if sound:
            faults += [*_amount_faults(environment, team), *_training_faults(environment, team, open_to(team, pools))]
        yield from (_of_team(index, fault) for fault in faults)
    if sound:
        yield from _capacity_faults(environment, pools)


def _of_team(index: int, fault: Fault) -> Fault:
    """A team's fault as the environment sees it. What it says to be `complete` is the environment's."""
    return replace(fault.under(("teams", index)), complete=fault.complete)


def _faults_without_queueing(environment: Environment) -> Iterator[Fault]:
    remedy = "add queueing: {} to the environment, or remove the key"
    for index, team in enumerate(environment.teams):
        if team.queue is not None:
            path: Path = ("teams", index, "queue")
            yield Fault(path=path, message=f"there are no queues here; {remedy}", untouched=(("queueing",),))
        for number, entry in enumerate(team.training):
            if entry.queue_priority is not None:
                path = ("teams", index, "training", number, "queuePriority")
                yield Fault(path=path, message=f"there are no queues here; {remedy}", untouched=(("queueing",),))


def _flavor_faults(environment: Environment, pools: Sequence[GpuPool]) -> Iterator[Fault]:
    queueing = environment.queueing
    flavors = queueing.flavors if queueing is not None else ()
    of_cluster = {pool.name for pool in pools[: len(pools) - len(flavors)]}
    for index, flavor in enumerate(flavors):
        if flavor.name in of_cluster or flavor.name == DEFAULT_FLAVOR:
            what = "the flavor of CPU and memory" if flavor.name == DEFAULT_FLAVOR else "a pool of the cluster already"
            message = f"{shown(flavor.name)} is {what}; choose another name, or remove the entry"
            yield Fault(path=("queueing", "flavors", index, "name"), message=message)


def _form_faults(environment: Environment, team: Team, pools: Sequence[GpuPool]) -> Iterator[Fault]:
    """GPUs of pools that there are not, of no pool in particular, and limits that need a cohort."""
    known = [pool.name for pool in pools]
    queue = team.queue or Queue()
    for path, said in (
        (("queue", "gpus"), queue.gpus),
        (("queue", "borrowingLimit", "gpus"), queue.borrowing_limit.gpus),
        (("queue", "lendingLimit", "gpus"), queue.lending_limit.gpus),
    ):
        if isinstance(said, int) and len(pools) != 1:
            example = ", ".join(f"{name}: {said}" for name in known[:1]) or "…"
            message = (
                f"{said} of which pool? There are {', '.join(known)}; write them by pool: {{{example}}}"
                if pools
                else "the config knows no GPU pool; describe the nodes under queueing.flavors, or remove the key"
            )
            yield Fault(path=path, message=message, complete=(("cluster",), ("queueing", "flavors")))
        for name in said if isinstance(said, Mapping) else ():
            if name not in known:
                there_are = f"there are {', '.join(known)}" if known else "describe its nodes under queueing.flavors"
                message = f"there is no GPU pool {shown(name)}; {there_are}{did_you_mean(name, known)}"
                yield Fault(path=(*path, name), message=message, complete=(("cluster",), ("queueing", "flavors")))
    if team.quota is not None and team.quota.gpus and queue.gpus is None and len(pools) > 1:
        example = ", ".join(f"{name}: 0" for name in known)
        message = f"its training may own GPUs of {len(pools)} pools; say of which: queue: {{gpus: {{{example}}}}}"
        yield Fault(path=("quota", "gpus"), message=message, untouched=(("queue",),))
    if environment.queueing is not None and environment.queueing.cohort is None:
        for key, limits in (("borrowingLimit", queue.borrowing_limit), ("lendingLimit", queue.lending_limit)):
            if limits != Amounts():
                message = "nobody lends without a cohort; write cohort: under queueing, or remove the key"
                yield Fault(path=("queue", key), message=message)


def _priority_faults(environment: Environment, team: Team) -> Iterator[Fault]:
    known = [priority.name for priority in environment.queueing.priorities] if environment.queueing else []
    for number, entry in enumerate(team.training):
        if entry.queue_priority is not None and entry.queue_priority not in known:
            there_are = f"there are {', '.join(known)}" if known else "there is none"
            message = (
                f"there is no priority {shown(entry.queue_priority)} under queueing.priorities; "
                f"{there_are}{did_you_mean(entry.queue_priority, known)}"
            )
            path: Path = ("training", number, "queuePriority")
            yield Fault(path=path, message=message, complete=(("queueing",),))


def _amount_faults(environment: Environment, team: Team) -> Iterator[Fault]:
    """Queues that own or borrow more than the team's quota, and lend more than they own."""
    quotas, queue = quotas_of(environment, team), team.queue or Queue()
    parts: list[tuple[str, Callable[[Fraction], str], Sequence[Amount], bool, bool]] = [
        (
            resource,
            text,
            [quotas.resources[resource]] if resource in quotas.resources else [],
            getattr(queue, resource) is not None,
            getattr(queue.borrowing_limit, resource) is not None,
        )
        for resource, text in FORMATS.items()
    ]
    parts.append(("gpus", str, [*quotas.gpus.values()], queue.gpus is not None, queue.borrowing_limit.gpus is not None))
    for resource, text, amounts, own_said, borrowing_said in parts:
        if borrowing_said and not amounts:
            message = f"its {resource} is not limited, so there is nothing to borrow; write queue.{resource}"
            yield Fault(path=("queue", "borrowingLimit", resource), message=message, untouched=(("quota",),))
            continue
        room, own = room_of(team, resource), sum((one.nominal for one in amounts), Fraction(0))
        if room is not None and own_said and own > room:
            message = (
                f"{text(own)} is above the {text(room)} that quota.{resource} leaves for training; "
                f"lower it, or raise quota.{resource}"
            )
            yield Fault(path=("queue", resource), message=message, untouched=(("quota",), ("serving",)))
        elif room is not None and borrowing_said:
            most = max(one.borrowing or Fraction(0) for one in amounts)
            if own + most > room:
                message = (
                    f"with the {text(own)} of its own, {text(own + most)} is above the {text(room)} that "
                    f"quota.{resource} leaves for training; lower it to {text(max(room - own, Fraction(0)))}, "
                    f"or raise quota.{resource}"
                )
                path: Path = ("queue", "borrowingLimit", resource)
                yield Fault(path=path, message=message, untouched=(("quota",), ("serving",)))
        for one in amounts:
            if one.lending is not None and one.lending > one.nominal:
                message = f"{text(one.lending)} is more than the {text(one.nominal)} of its own; lower it"
                yield Fault(path=("queue", "lendingLimit", resource), message=message, untouched=(("quota",),))
                break


def _training_faults(environment: Environment, team: Team, pools: Sequence[GpuPool]) -> Iterator[Fault]:
    """Training that would wait for ever: it asks for more than its queue ever gets."""
    quotas = quotas_of(environment, team)
    cohort = environment.queueing is not None and environment.queueing.cohort is not None
    for number, entry in enumerate(team.training):
        needed: list[tuple[Path, str, Callable[[Fraction], str], Fraction, list[Fraction]]] = []
        for pods in entry.workers():
            if pods.resources.gpus and pools:
                most = [
                    min(_most(quotas.gpus[pool.name], cohort=cohort, limit=Fraction(pool.gpus)), Fraction(pool.gpus))
                    for pool in pools_of(pods.placement, pools)
                ]
                needed.append((pods.path, "gpus", str, pods.amount(GPU), most))
        for resource, one in quotas.resources.items():
            # A gang is admitted whole: all of its pods count.
            asked = total(entry.workers(), resource)
            most = [_most(one, cohort=cohort, limit=asked)]
            needed.append((entry.workers()[-1].path, resource, FORMATS[resource], asked, most))
        for path, resource, text, asked, mosts in needed:
            if all(asked > most for most in mosts):
                message = (
                    f"{text(asked)} is more than the team's queue ever gets, {text(max(mosts, default=Fraction(0)))}: "
                    f"it would wait for ever; raise queue.{resource} or what it may borrow, or lower it"
                )
                untouched = (("queue",), ("quota",), ("serving",))
                yield Fault(path=("training", number, *path, resource), message=message, untouched=untouched)


def _most(one: Amount, *, cohort: bool, limit: Fraction) -> Fraction:
    """The most that a queue ever gets of a resource; `limit` where it may borrow without end."""
    if not cohort:
        return one.nominal
    return max(limit, one.nominal) if one.borrowing is None else one.nominal + one.borrowing


def _capacity_faults(environment: Environment, pools: Sequence[GpuPool]) -> Iterator[Fault]:
    """Pools of which teams own more GPUs than there are."""
    for pool in pools:
        owners: dict[str, int] = {}
        for index, team in enumerate(environment.teams):
            owned = owned_of(quotas_of(environment, team).gpus, pool.name) + serving_gpus(team, pools)[pool.name]
            if not owned:
                continue
            owners[team.name] = owned
            if sum(owners.values()) > pool.gpus:
                said = ", ".join(f"{name} {gpus}" for name, gpus in owners.items())
                key = ("queue", "gpus") if team.queue is not None and team.queue.gpus is not None else ("quota", "gpus")
                message = (
                    f"the teams own {sum(owners.values())} GPUs of pool {pool.name} ({said}), which has {pool.gpus}; "
                    "lower the share of one, and let it borrow"
                )
                yield Fault(path=("teams", index, *key), message=message, complete=(("cluster",),))
                break
