"""Rules between node pools, how their GPUs are shared, and what workloads ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components import gpu_resources as gpus
from components.gpu_resources import GPU, SHARED_GPU
from components.placement import POOL_LABEL
from stacks.clouds.config import Cluster
from stacks.clouds.pools import PoolFacts
from stacks.gpu.config import Gpu, known_pools
from stacks.language.faults import Fault, Path
from stacks.language.model import did_you_mean, shown
from stacks.teams.config import TeamConfig
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.pod_sets import Entry, PodSet


def driver_faults(driver: str | None, cluster: Cluster) -> Iterator[Fault]:
    """A driver that does not go together with the cluster."""
    if driver is not None and (problem := cluster.gpu_driver_problem(driver)):
        yield Fault(path=("driver",), message=problem)


def dedication_faults(cluster: Cluster, teams: Sequence[TeamConfig]) -> Iterator[Fault]:
    """Pools that are dedicated to a team that does not exist."""
    names = [team.name for team in teams]
    for pool in known_pools(cluster, None):
        if pool.team is not None and pool.team not in names:
            known = f"the teams are {', '.join(names)}" if names else "there is none"
            message = f"there is no team {shown(pool.team)}; {known}{did_you_mean(pool.team, names)}"
            yield Fault(path=(*pool.path, "dedicatedTo"), message=message)


def pool_faults(gpu: Gpu | None, cluster: Cluster) -> Iterator[Fault]:
    """Settings of pools that do not exist, or that have no GPUs."""
    pools = {pool.name: pool for pool in known_pools(cluster, None)}
    with_gpus = [pool.name for pool in pools.values() if pool.gpus]
    for index, own in enumerate(gpu.pools if gpu and pools else ()):
        path = ("gpu", "pools", index, "name")
        if own.name not in pools:
            message = (
                f"there is no node pool {shown(own.name)}; those with GPUs are {', '.join(with_gpus) or 'none'}"
                f"{did_you_mean(own.name, with_gpus)}"
            )
            yield Fault(path=path, message=message)
        elif not pools[own.name].gpus:
            message = f"pool {own.name} has no GPUs; those that have are {', '.join(with_gpus) or 'none'}"
            yield Fault(path=path, message=message)


def sharing_faults(gpu: Gpu | None, cluster: Cluster) -> Iterator[Fault]:
    """GPUs that cannot be shared as the settings say."""
    if gpu is None:
        return
    own = {one.name: ("gpu", "pools", index, "sharing") for index, one in enumerate(gpu.pools)}
    reported: set[Path] = set()
    for pool in known_pools(cluster, gpu):
        path = own.get(pool.name, ("gpu", "sharing"))
        problem = _sharing_problem(pool, gpu.driver, cluster) if pool.gpus else None
        if problem and path not in reported:
            reported.add(path)
            yield Fault(path=path, message=f"pool {pool.name}: {problem}")


def _sharing_problem(pool: PoolFacts, driver: str, cluster: Cluster) -> str | None:
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
            if driver == "device-plugin" and not cluster.partitions_gpus:
                return "nobody would partition its GPUs; write driver: operator, whose MIG manager does"
        case gpus.TimeSlicing():
            pass
    if pool.on_demand and GPU not in pool.resources:
        asked = ", ".join(pool.resources)
        return (
            f"Karpenter does not know {asked} and would never start a node for it; write scaler: managed for the pool, "
            "or rename: false with time-slicing, strategy: single with MIG"
        )
    return None


def claim_faults(entry: Entry, claims: bool | None) -> Iterator[Fault]:
    """Parts of GPUs where GPUs are claimed whole."""
    for pods in entry.pod_sets() if claims else ():
        for key, value in (("sharedGpus", pods.resources.shared_gpus), ("mig", pods.resources.mig)):
            if value:
                message = "with gpu.dra there are whole GPUs only; ask for gpus, or write dra: false"
                yield Fault(path=("entry", *pods.path, key), message=message)


def workload_faults(entry: Entry, team: str, cluster: Cluster, gpu: Gpu | None) -> Iterator[Fault]:
    """A pool that is not open to a workload, or whose nodes do not have what it asks for. team: its name."""
    pools = known_pools(cluster, gpu)
    if not pools:
        return
    sets = [pods for pods in entry.pod_sets() if pods.phase != "prepare" or pods.resources.gpu_resources]
    for pods in sets:
        if problem := _pool_problem(team, pods, pools):
            yield Fault(path=("entry", "pool"), message=problem)
            return
    for pods in sets:
        if pods.placement.pool is None:
            selected = pods.placement.node_selector.get(POOL_LABEL)
            # Nobody is on a dedicated pool without naming it.
            candidates = [pool for pool in pools if pool.team is None and selected in (None, pool.name)]
        else:
            candidates = [pool for pool in pools if pool.name == pods.placement.pool]
        yield from _request_faults(("entry", *pods.path), pods.resources, candidates)


def _pool_problem(team: str, pods: PodSet, pools: Sequence[PoolFacts]) -> str | None:
    """What is wrong with the node pool that an entry names, and the remedy."""
    wanted = pods.placement.pool
    if wanted is None:
        return None
    by_name = {pool.name: pool for pool in pools}
    pool = by_name.get(wanted)
    if pool is None:
        return f"there is no node pool {shown(wanted)}; there are {', '.join(by_name)}{did_you_mean(wanted, by_name)}"
    if pool.team not in (None, team):
        others = ", ".join(one.name for one in pools if one.team in (None, team)) or "none"
        return f"pool {pool.name} is dedicated to team {pool.team}; open to {team} are {others}"
    if pool.gpus and not pods.resources.gpu_resources:
        return (
            f"pool {pool.name} is for GPU work, and this asks for no GPU; name another pool, "
            "or ask for some under resources"
        )
    return None


def _request_faults(path: Path, resources: ResourcesConfig, candidates: Sequence[PoolFacts]) -> Iterator[Fault]:
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
            yield Fault(path=place, message=message)
            continue
        largest = max(offers, key=lambda name: offers[name])
        if number > offers[largest]:
            message = (
                f"{number} {resource} for one pod, and a node of {largest}, the largest, has {offers[largest]}; "
                f"ask for at most {offers[largest]}"
            )
            yield Fault(path=place, message=message)
        elif number > 1 and all(
            isinstance(pool.sharing, gpus.TimeSlicing) for pool in candidates if pool.name in offers
        ):
            message = (
                f"{number} slices may be of one GPU, so the device plugin gives a pod one; "
                "ask for 1, or name another pool"
            )
            yield Fault(path=place, message=message)
