"""The rules between the teams of a stack, and between the entries of a team."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from components.gpu_resources import GPU, SHARED_GPU, mig_resource
from components.quantities import format_bytes, format_cpu, parse_quantity
from stacks.batch.config import BatchEntry
from stacks.language.faults import Fault
from stacks.language.model import did_you_mean, shown
from stacks.serving.config import Serving
from stacks.serving.entry import ModelServing
from stacks.teams.config import Quota, TeamConfig
from stacks.teams.network import NetworkConfig
from stacks.training.config import Training
from stacks.workloads.placement import Affinity
from stacks.workloads.pod_sets import Entry, demand, peak


def namespace_faults(teams: Sequence[TeamConfig]) -> Iterator[Fault]:
    """Teams that would share a namespace, and with it their rights and quota."""
    owners: dict[str, str] = {}
    for index, team in enumerate(teams):
        owner = owners.setdefault(team.namespace_name, team.name)
        if owner != team.name:
            message = f"{shown(team.namespace_name)} is the namespace of teams[{owner}]; choose another namespace"
            yield Fault(path=("teams", index, "namespace"), message=message)


def trainer_faults(training: Sequence[Training]) -> Iterator[Fault]:
    """Models that two entries train."""
    trainers: dict[str, str] = {}
    for index, entry in enumerate(training):
        trainer = trainers.setdefault(entry.trained_model, entry.name)
        if trainer != entry.name:
            message = f"training[{trainer}] trains {shown(entry.trained_model)} already; name another model"
            yield Fault(path=("training", index, "modelName"), message=message)


def model_faults(server: Serving | BatchEntry, training: Sequence[Training]) -> Iterator[Fault]:
    """A model that is served but trained by nobody, or trained here and named as if it were elsewhere."""
    if not isinstance(server, ModelServing | BatchEntry):
        return
    trainers = {entry.trained_model: entry.name for entry in reversed(training)}
    if server.storage is None and server.model not in trainers:
        names = [entry.trained_model for entry in training]
        known = f"the team's models are {', '.join(dict.fromkeys(names))}" if names else "the team trains none"
        message = (
            f"no training entry of the team trains {shown(server.model)}; {known}, "
            f"and a model trained elsewhere needs storage and version{did_you_mean(server.model, names)}"
        )
        yield Fault(path=("server", "model"), message=message)
    if server.storage is not None and server.model in trainers:
        message = f"is that of training[{trainers[server.model]}], which trains the model; remove the key"
        yield Fault(path=("server", "storage"), message=message)


def neighbour_faults(affinity: Affinity, serving: Sequence[Serving]) -> Iterator[Fault]:
    """Affinities to servers that the team does not have."""
    servers = [server.name for server in serving]
    known = f"it has {', '.join(servers)}" if servers else "it has none"
    for wish, names in (("near", affinity.near), ("away", affinity.away)):
        for place, name in enumerate(names):
            if name not in servers:
                message = f"the team has no serving entry {shown(name)}; {known}{did_you_mean(name, servers)}"
                yield Fault(path=("affinity", wish, place), message=message)


def network_faults(
    network: NetworkConfig | None,
    training: Sequence[Training],
    serving: Sequence[Serving],
    batch: Sequence[BatchEntry],
) -> Iterator[Fault]:
    """Traffic of workloads that the team does not have. A team without any has them in a stack of its own."""
    entries = dict.fromkeys(entry.name for entry in (*training, *serving, *batch))
    for direction in ("egress", "ingress") if network and entries else ():
        for index, traffic in enumerate(getattr(network, direction)):
            name = traffic.workload
            if name is not None and name not in entries:
                known = ", ".join(entries)
                message = f"the team has no entry {shown(name)}; it has {known}{did_you_mean(name, entries)}"
                yield Fault(path=("network", direction, index, "workload"), message=message)


def quota_faults(
    quota: Quota | None, training: Sequence[Training], serving: Sequence[Serving], batch: Sequence[BatchEntry]
) -> Iterator[Fault]:
    """Quotas that could not hold the team's workloads at full load, a rollout of each server included."""
    if quota is None:
        return
    limits: list[tuple[tuple[str, ...], str, int | str | None, Callable[[Fraction], str]]] = [
        (("cpu",), "cpu", quota.cpu, format_cpu),
        (("memory",), "memory", quota.memory, format_bytes),
        (("gpus",), GPU, quota.gpus, str),
        (("sharedGpus",), SHARED_GPU, quota.shared_gpus, str),
        *((("mig", profile), mig_resource(profile), limit, str) for profile, limit in quota.mig.items()),
        (("pods",), "pods", quota.pods, str),
    ]
    for path, resource, limit, text in limits:
        needed = demand((*training, *serving, *batch), resource)
        if limit is not None and needed > parse_quantity(str(limit)):
            parts = (
                *_requests("training", training, resource, text),
                *_requests("serving", serving, resource, text),
                *_requests("batch", batch, resource, text),
            )
            message = (
                f"{shown(limit)} is below the {text(needed)} that the workloads ask for at full "
                f"load ({', '.join(parts)}); raise it to at least {text(needed)}, or lower the requests"
            )
            yield Fault(path=("quota", *path), message=message)


def _requests(key: str, entries: Sequence[Entry], resource: str, text: Callable[[Fraction], str]) -> Iterator[str]:
    """What each workload asks for of a resource at full load: `training[detector] 4 x 8`, `serving[digits] 1`."""
    for entry in entries:
        sets = [
            f"{pods.count} x {text(each)}" if pods.count > 1 else text(each)
            for pods in peak(entry, resource)
            if (each := pods.resources.amount(resource))
        ]
        if sets:
            yield f"{key}[{entry.name}] {' + '.join(sets)}"
