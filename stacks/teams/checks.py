"""Rules between the entries of a stack config. Each function yields every fault that it finds.

Paths are relative to the object that is checked. The models' modules call these from their `faults`, so an
`Environment` that exists has passed them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from components.gpu.resources import GPU, SHARED_GPU, mig_resource
from components.quantities import format_bytes, format_cpu, parse_quantity
from stacks.language.faults import Fault
from stacks.language.model import did_you_mean, shown
from stacks.workloads.pod_sets import demand, peak

if TYPE_CHECKING:
    from stacks.environment.config import Environment
    from stacks.teams.config import Team


class Named(Protocol):
    @property
    def name(self) -> str: ...


def repeated_names(key: str, entries: Sequence[Named]) -> Iterator[Fault]:
    """Entries of one list that share a name."""
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        if entry.name in seen:
            message = f"{shown(entry.name)} is the name of an earlier entry of {key} too; choose another"
            yield Fault(path=(key, index, "name"), message=message)
        seen.add(entry.name)


def repeated_namespaces(environment: Environment) -> Iterator[Fault]:
    """Teams that would share a namespace, and with it their rights and quota."""
    owners: dict[str, str] = {}
    for index, team in enumerate(environment.teams):
        owner = owners.setdefault(team.namespace_name, team.name)
        if owner != team.name:
            message = f"{shown(team.namespace_name)} is the namespace of teams[{owner}]; choose another namespace"
            path = ("teams", index, "namespace")
            yield Fault(path=path, message=message, untouched=(path,))


def model_faults(team: Team) -> Iterator[Fault]:
    """Models that two entries train, and models that are served but trained by nobody."""
    trainers: dict[str, str] = {}
    for index, entry in enumerate(team.training):
        trainer = trainers.setdefault(entry.trained_model, entry.name)
        if trainer != entry.name:
            message = f"training[{trainer}] trains {shown(entry.trained_model)} already; name another model"
            yield Fault(path=("training", index, "modelName"), message=message)
    for index, server in enumerate(team.serving):
        path = ("serving", index)
        if server.storage is None and server.model not in trainers:
            hint = did_you_mean(server.model, trainers)
            known = f"the team's models are {', '.join(trainers)}" if trainers else "the team trains none"
            message = (
                f"no training entry of the team trains {shown(server.model)}; {known}, "
                f"and a model trained elsewhere needs storage and version{hint}"
            )
            yield Fault(
                path=(*path, "model"),
                message=message,
                complete=(("training",),),
                untouched=((*path, "storage"),),
            )
        if server.storage is not None and server.model in trainers:
            message = f"is that of training[{trainers[server.model]}], which trains the model; remove the key"
            yield Fault(path=(*path, "storage"), message=message)


def neighbour_faults(team: Team) -> Iterator[Fault]:
    """Affinities to servers that the team does not have."""
    servers = [server.name for server in team.serving]
    known = f"it has {', '.join(servers)}" if servers else "it has none"
    for key, entries in (("training", team.training), ("serving", team.serving)):
        for index, entry in enumerate(entries):
            for wish in ("near", "away"):
                for place, name in enumerate(getattr(entry.affinity, wish)):
                    if name not in servers:
                        message = f"the team has no serving entry {shown(name)}; {known}{did_you_mean(name, servers)}"
                        path = (key, index, "affinity", wish, place)
                        yield Fault(path=path, message=message, complete=(("serving",),))


def quota_faults(team: Team) -> Iterator[Fault]:
    """Quotas that could not hold the team's workloads at full load, a rollout of each server included."""
    quota = team.quota
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
        needed = demand((*team.training, *team.serving), resource)
        if limit is not None and needed > parse_quantity(str(limit)):
            message = (
                f"{shown(limit)} is below the {text(needed)} that the workloads ask for at full "
                f"load ({_requests(team, resource, text)}); raise it to at least {text(needed)}, or lower the requests"
            )
            yield Fault(path=("quota", *path), message=message, untouched=(("training",), ("serving",)))


def _requests(team: Team, resource: str, text: Callable[[Fraction], str]) -> str:
    """What each workload asks for of a resource at full load: `training[detector] 4 x 8, serving[digits] 1`."""
    parts: list[str] = []
    for key, entries in (("training", team.training), ("serving", team.serving)):
        for entry in entries:
            sets = [
                f"{pods.count} x {text(each)}" if pods.count > 1 else text(each)
                for pods in peak(entry, resource)
                if (each := pods.resources.amount(resource))
            ]
            if sets:
                parts.append(f"{key}[{entry.name}] {' + '.join(sets)}")
    return ", ".join(parts)
