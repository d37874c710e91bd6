"""Rules between the `queueing:` section, the queues of teams and their training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

from components.gpu_resources import GPU
from components.queueing.names import DEFAULT_FLAVOR
from stacks.clouds.config import Cluster
from stacks.clouds.pools import PoolFacts
from stacks.gpu.config import Gpu
from stacks.language.faults import Fault, Path
from stacks.language.model import did_you_mean, shown
from stacks.queueing.config import QueueingConfig
from stacks.queueing.quotas import (
    FORMATS,
    Amount,
    QueueQuotas,
    gpu_pools,
    open_to,
    owned_of,
    pools_of,
    quotas_of,
    room_of,
    serving_gpus,
)
from stacks.teams.config import TeamConfig
from stacks.teams.queue import Amounts, Queue
from stacks.workloads.pod_sets import total

_REMEDY = "add queueing: {} to the environment, or remove the key"


def absence_faults(queueing: QueueingConfig | None, queue: Queue | None) -> Iterator[Fault]:
    """A team's queue where there are none."""
    if queueing is None and queue is not None:
        yield Fault(path=("queue",), message=f"there are no queues here; {_REMEDY}")


def priority_faults(queueing: QueueingConfig | None, priority: str | None) -> Iterator[Fault]:
    """A priority in the queue that does not exist."""
    known = [one.name for one in queueing.priorities] if queueing else []
    if priority is None or priority in known:
        return
    there_are = f"there are {', '.join(known)}" if known else "there is none"
    message = (
        f"there is no priority {shown(priority)} under queueing.priorities; {there_are}{did_you_mean(priority, known)}"
    )
    yield Fault(path=("priority",), message=message if queueing else f"there are no queues here; {_REMEDY}")


def flavor_faults(queueing: QueueingConfig | None, cluster: Cluster, gpu: Gpu | None) -> Iterator[Fault]:
    """Flavors with the name of another one."""
    of_cluster = {pool.name for pool in gpu_pools(cluster, gpu, None)}
    for index, flavor in enumerate(queueing.flavors if queueing else ()):
        if flavor.name in of_cluster or flavor.name == DEFAULT_FLAVOR:
            what = "the flavor of CPU and memory" if flavor.name == DEFAULT_FLAVOR else "a pool of the cluster already"
            message = f"{shown(flavor.name)} is {what}; choose another name, or remove the entry"
            yield Fault(path=("queueing", "flavors", index, "name"), message=message)


def queue_faults(
    team: TeamConfig, cluster: Cluster, gpu: Gpu | None, queueing: QueueingConfig | None
) -> Iterator[Fault]:
    """Quotas that exceed the capacity."""
    if queueing is None:
        return
    pools = gpu_pools(cluster, gpu, queueing)
    form = list(_form_faults(team, pools, queueing))
    yield from form
    if not form:
        cohort = queueing.cohort is not None
        quotas = quotas_of(team, pools, cohort=cohort)
        yield from _amount_faults(team, quotas)
        yield from _training_faults(team, quotas, open_to(team, pools), cohort=cohort)


def _form_faults(team: TeamConfig, pools: Sequence[PoolFacts], queueing: QueueingConfig) -> Iterator[Fault]:
    """GPUs of pools that there are not, of no pool in particular, and limits that need a cohort."""
    pools = open_to(team, pools)
    known = [pool.name for pool in pools]
    queue = team.queue or Queue()
    for path, said in (
        (("team", "queue", "gpus"), queue.gpus),
        (("team", "queue", "borrowingLimit", "gpus"), queue.borrowing_limit.gpus),
        (("team", "queue", "lendingLimit", "gpus"), queue.lending_limit.gpus),
    ):
        if isinstance(said, int) and len(pools) != 1:
            example = ", ".join(f"{name}: {said}" for name in known[:1]) or "…"
            message = (
                f"{said} of which pool? There are {', '.join(known)}; write them by pool: {{{example}}}"
                if pools
                else "the config knows no GPU pool; describe the nodes under queueing.flavors, or remove the key"
            )
            yield Fault(path=path, message=message)
        for name in said if isinstance(said, Mapping) else ():
            if name not in known:
                there_are = f"there are {', '.join(known)}" if known else "describe its nodes under queueing.flavors"
                message = f"there is no GPU pool {shown(name)}; {there_are}{did_you_mean(name, known)}"
                yield Fault(path=(*path, name), message=message)
    if team.quota is not None and team.quota.gpus and queue.gpus is None and len(pools) > 1:
        example = ", ".join(f"{name}: 0" for name in known)
        message = f"its training may own GPUs of {len(pools)} pools; say of which: queue: {{gpus: {{{example}}}}}"
        yield Fault(path=("team", "quota", "gpus"), message=message)
    if queueing.cohort is None:
        for key, limits in (("borrowingLimit", queue.borrowing_limit), ("lendingLimit", queue.lending_limit)):
            if limits != Amounts():
                message = "nobody lends without a cohort; write cohort: under queueing, or remove the key"
                yield Fault(path=("team", "queue", key), message=message)


def _amount_faults(team: TeamConfig, quotas: QueueQuotas) -> Iterator[Fault]:
    """Queues that own or borrow more than the team's quota, and lend more than they own."""
    queue = team.queue or Queue()
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
            yield Fault(path=("team", "queue", "borrowingLimit", resource), message=message)
            continue
        room, own = room_of(team, resource), sum((one.nominal for one in amounts), Fraction(0))
        if room is not None and own_said and own > room:
            message = (
                f"{text(own)} is above the {text(room)} that quota.{resource} leaves for training; "
                f"lower it, or raise quota.{resource}"
            )
            yield Fault(path=("team", "queue", resource), message=message)
        elif room is not None and borrowing_said:
            most = max(one.borrowing or Fraction(0) for one in amounts)
            if own + most > room:
                message = (
                    f"with the {text(own)} of its own, {text(own + most)} is above the {text(room)} that "
                    f"quota.{resource} leaves for training; lower it to {text(max(room - own, Fraction(0)))}, "
                    f"or raise quota.{resource}"
                )
                path: Path = ("team", "queue", "borrowingLimit", resource)
                yield Fault(path=path, message=message)
        for one in amounts:
            if one.lending is not None and one.lending > one.nominal:
                message = f"{text(one.lending)} is more than the {text(one.nominal)} of its own; lower it"
                yield Fault(path=("team", "queue", "lendingLimit", resource), message=message)
                break


def _training_faults(
    team: TeamConfig, quotas: QueueQuotas, pools: Sequence[PoolFacts], *, cohort: bool
) -> Iterator[Fault]:
    """Work that would never start: it requests more than its queue can ever have."""
    gangs = [
        *(("training", number, entry.train_sets()) for number, entry in enumerate(team.training)),
        *(("batch", number, entry.pod_sets()) for number, entry in enumerate(team.batch)),
    ]
    for key, number, sets in gangs:
        needed: list[tuple[Path, str, Callable[[Fraction], str], Fraction, list[Fraction]]] = []
        for pods in sets:
            if pods.resources.gpus and pools:
                most = [
                    min(_most(quotas.gpus[pool.name], cohort=cohort, limit=there), there)
                    for pool in pools_of(pods.placement, pools)
                    for there in (Fraction(pool.whole_gpus),)
                ]
                needed.append((pods.path, "gpus", str, pods.amount(GPU), most))
        for resource, one in quotas.resources.items():
            # A gang is admitted whole: all of its pods count.
            asked = total(sets, resource)
            most = [_most(one, cohort=cohort, limit=asked)]
            largest = max(sets, key=lambda pods: pods.amount(resource))
            needed.append((largest.path, resource, FORMATS[resource], asked, most))
        for path, resource, text, asked, mosts in needed:
            if all(asked > most for most in mosts):
                message = (
                    f"{text(asked)} is more than the team's queue ever gets, {text(max(mosts, default=Fraction(0)))}: "
                    f"it would never start; raise queue.{resource} or what it may borrow, or lower it"
                )
                yield Fault(path=("team", key, number, *path, resource), message=message)


def _most(one: Amount, *, cohort: bool, limit: Fraction) -> Fraction:
    """The most that a queue ever gets of a resource; `limit` where it may borrow without end."""
    if not cohort:
        return one.nominal
    return max(limit, one.nominal) if one.borrowing is None else one.nominal + one.borrowing


def capacity_faults(
    teams: Sequence[TeamConfig], cluster: Cluster, gpu: Gpu | None, queueing: QueueingConfig | None
) -> Iterator[Fault]:
    """Pools of which teams own more GPUs than there are."""
    pools = gpu_pools(cluster, gpu, queueing) if queueing else ()
    if queueing is None or any(True for team in teams for _ in _form_faults(team, pools, queueing)):
        return
    cohort = queueing.cohort is not None
    for pool in pools:
        owners: dict[str, int] = {}
        for index, team in enumerate(teams):
            quotas = quotas_of(team, pools, cohort=cohort)
            owned = owned_of(quotas.gpus, pool.name) + serving_gpus(team, pools)[pool.name]
            if not owned:
                continue
            owners[team.name] = owned
            if sum(owners.values()) > pool.whole_gpus:
                said = ", ".join(f"{name} {gpus}" for name, gpus in owners.items())
                key = ("queue", "gpus") if team.queue is not None and team.queue.gpus is not None else ("quota", "gpus")
                message = (
                    f"the teams own {sum(owners.values())} GPUs of pool {pool.name} ({said}), which has "
                    f"{pool.whole_gpus}; lower the share of one, and let it borrow"
                )
                yield Fault(path=("teams", index, *key), message=message)
                break
