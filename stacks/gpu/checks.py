"""Rules between node pools, how their GPUs are shared, and what workloads ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from components.gpu import resources as gpus
from components.gpu.resources import GPU, SHARED_GPU
from components.placement import POOL_LABEL
from stacks.clouds.pools import Pool, known_pools
from stacks.language.faults import Fault, Path
from stacks.language.model import did_you_mean, shown
from stacks.workloads.pod_sets import PodSet

if TYPE_CHECKING:
    from stacks.environment.config import Environment
    from stacks.serving.config import Serving
    from stacks.teams.config import Team
    from stacks.training.config import Training
    from stacks.workloads.config import Resources

# Where the pools and their sharing are said: what could not be read there may have been the answer.
POOLS: tuple[Path, ...] = (("cluster", "simulatedNodes"), ("cluster", "nodePools"), ("gpu", "pools"))


def gpu_faults(environment: Environment) -> Iterator[Fault]:
    """All faults of the pools, of the `gpu` section and of what workloads want of them."""
    pools = known_pools(environment)
    yield from _driver_faults(environment)
    yield from _dedication_faults(environment, pools)
    yield from _sharing_faults(environment, pools)
    for team_index, team in enumerate(environment.teams):
        for key, entries in (("training", team.training), ("serving", team.serving)):
            for index, entry in enumerate(entries):
                path = ("teams", team_index, key, index)
                yield from _claim_faults(environment, path, entry)
                if pools:
                    yield from _workload_faults(team, path, entry, pools)


def _driver_faults(environment: Environment) -> Iterator[Fault]:
    settings, cluster = environment.gpu, environment.cluster
    if settings is None:
        return
    path = ("gpu", "driver")
    if cluster.kind == "local" and settings.driver == "operator":
        message = (
            "the embedded cluster has no GPU and none of NVIDIA's images; write driver: device-plugin, whose pods run "
            "on simulated nodes"
        )
        yield Fault(path=path, message=message, untouched=(path,))
    if cluster.kind == "aws" and cluster.auto_mode and settings.driver != "none":
        message = (
            "nodes of EKS Auto Mode bring the device plugin along, and two of them get in each other's way; "
            "write driver: none"
        )
        yield Fault(path=path, message=message, untouched=(path, ("cluster", "autoMode")))


def _dedication_faults(environment: Environment, pools: Sequence[Pool]) -> Iterator[Fault]:
    teams = [team.name for team in environment.teams]
    for pool in pools:
        if pool.team is not None and pool.team not in teams:
            known = f"the teams are {', '.join(teams)}" if teams else "there is none"
            message = f"there is no team {shown(pool.team)}; {known}{did_you_mean(pool.team, teams)}"
            yield Fault(path=(*pool.path, "dedicatedTo"), message=message, complete=(("teams",),))


def _sharing_faults(environment: Environment, pools: Sequence[Pool]) -> Iterator[Fault]:
    settings = environment.gpu
    if settings is None or not pools:
        return
    by_name = {pool.name: pool for pool in pools}
    with_gpus = [pool.name for pool in pools if pool.gpus]
    said = {own.name: ("gpu", "pools", index, "sharing") for index, own in enumerate(settings.pools)}
    for index, own in enumerate(settings.pools):
        path = ("gpu", "pools", index, "name")
        if own.name not in by_name:
            message = (
                f"there is no node pool {shown(own.name)}; those with GPUs are {', '.join(with_gpus) or 'none'}"
                f"{did_you_mean(own.name, with_gpus)}"
            )
            yield Fault(path=path, message=message, complete=POOLS)
        elif not by_name[own.name].gpus:
            message = f"pool {own.name} has no GPUs; those that have are {', '.join(with_gpus) or 'none'}"
            yield Fault(path=path, message=message, complete=POOLS)
    reported: set[Path] = set()
    for pool in pools:
        path = said.get(pool.name, ("gpu", "sharing"))
        problem = _sharing_problem(environment, pool) if pool.gpus else None
        if problem and path not in reported:
            reported.add(path)
            yield Fault(path=path, message=f"pool {pool.name}: {problem}", complete=POOLS, untouched=(path,))


def _sharing_problem(environment: Environment, pool: Pool) -> str | None:
    """What is wrong with how a pool's GPUs are shared, and the remedy."""
    match pool.sharing:
        case gpus.Exclusive():
            return None
        case gpus.Mig(profiles=profiles):
            known = gpus.mig_profiles(pool.product)
            if known is not None and not known:
                return f"{pool.product} cannot be partitioned; write kind: time-slicing, or exclusive for this pool"
            if known and (unknown := [profile for profile in profiles if profile not in known]):
                return f"{pool.product} has no profile {unknown[0]}; it has {', '.join(known)}"
            if problem := gpus.mig_overflow(profiles, pool.product):
                return f"the partitions do not fit: {problem}; ask for fewer"
            if environment.cluster.kind == "aws" and environment.gpu and environment.gpu.driver == "device-plugin":
                return "nobody would partition its GPUs; write driver: operator, whose MIG manager does"
        case gpus.TimeSlicing():
            pass
    if pool.karpenter and GPU not in pool.resources:
        asked = ", ".join(pool.resources)
        return (
            f"Karpenter does not know {asked} and would never start a node for it; write scaler: managed for the pool, "
            "or rename: false with time-slicing, strategy: single with MIG"
        )
    return None


def _claim_faults(environment: Environment, path: Path, entry: Training | Serving) -> Iterator[Fault]:
    """Parts of GPUs where GPUs are claimed whole."""
    if environment.gpu is None or not environment.gpu.dra:
        return
    for pods in entry.pod_sets():
        for key, value in (("sharedGpus", pods.resources.shared_gpus), ("mig", pods.resources.mig)):
            if value:
                message = "with gpu.dra there are whole GPUs only; ask for gpus, or write dra: false"
                yield Fault(path=(*path, *pods.path, key), message=message, untouched=(("gpu", "dra"),))


def _workload_faults(team: Team, path: Path, entry: Training | Serving, pools: Sequence[Pool]) -> Iterator[Fault]:
    sets = [pods for pods in entry.pod_sets() if pods.phase != "prepare" or pods.resources.gpu_resources]
    for pods in sets:
        place_fault = _pool_fault(team, path, pods, pools)
        if place_fault is not None:
            yield place_fault
            return
    for pods in sets:
        if pods.placement.pool is None:
            selected = pods.placement.node_selector.get(POOL_LABEL)
            # Nobody is on a dedicated pool without naming it.
            candidates = [pool for pool in pools if pool.team is None and selected in (None, pool.name)]
        else:
            candidates = [pool for pool in pools if pool.name == pods.placement.pool]
        yield from _request_faults((*path, *pods.path), pods.resources, candidates)


def _pool_fault(team: Team, path: Path, pods: PodSet, pools: Sequence[Pool]) -> Fault | None:
    """What is wrong with the node pool that an entry names."""
    wanted = pods.placement.pool
    if wanted is None:
        return None
    by_name = {pool.name: pool for pool in pools}
    open_pools = [pool for pool in pools if pool.team in (None, team.name)]
    pool = by_name.get(wanted)
    if pool is None:
        hint = did_you_mean(wanted, by_name)
        message = f"there is no node pool {shown(wanted)}; there are {', '.join(by_name)}{hint}"
        return Fault(path=(*path, "pool"), message=message, complete=POOLS)
    if pool.team not in (None, team.name):
        others = ", ".join(one.name for one in open_pools) or "none"
        message = f"pool {pool.name} is dedicated to team {pool.team}; open to {team.name} are {others}"
        return Fault(path=(*path, "pool"), message=message, complete=POOLS)
    if pool.gpus and not pods.resources.gpu_resources:
        message = (
            f"pool {pool.name} is for GPU work, and this asks for no GPU; name another pool, "
            "or ask for some under resources"
        )
        return Fault(path=(*path, "pool"), message=message, complete=POOLS, untouched=((*path, *pods.path),))
    return None


def _request_faults(path: Path, resources: Resources, candidates: Sequence[Pool]) -> Iterator[Fault]:
    """GPUs, or parts of some, that none of the pools has on any node."""
    keys = {GPU: ("gpus",), SHARED_GPU: ("sharedGpus",)}
    for resource, number in resources.gpu_resources.items():
        place = (*path, *keys.get(resource, ("mig",)))
        offers = {pool.name: pool.resources[resource] for pool in candidates if resource in pool.resources}
        where = ", ".join(pool.name for pool in candidates) or "a pool that is open to the team"
        if not offers:
            others = sorted({other for pool in candidates for other in pool.resources})
            remedy = f"ask for {' or '.join(others)}" if others else "name a pool with GPUs under pool, or ask for none"
            message = f"no node of {where} offers {resource}; {remedy}"
            yield Fault(path=place, message=message, complete=POOLS, untouched=(("gpu",),))
            continue
        largest = max(offers, key=lambda name: offers[name])
        if number > offers[largest]:
            message = (
                f"{number} {resource} for one pod, and a node of {largest}, the largest, has {offers[largest]}; "
                f"ask for at most {offers[largest]}"
            )
            yield Fault(path=place, message=message, complete=POOLS, untouched=(("gpu",),))
        elif number > 1 and all(
            isinstance(pool.sharing, gpus.TimeSlicing) for pool in candidates if pool.name in offers
        ):
            message = (
                f"{number} slices may be of one GPU, so the device plugin gives a pod one; "
                "ask for 1, or name another pool"
            )
            yield Fault(path=place, message=message, complete=POOLS, untouched=(("gpu",),))
