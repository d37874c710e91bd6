"""What the components of a team take from its config: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from components.gpu import claims
from components.gpu_resources import GPU, SHARED_GPU, mig_resource
from components.teams.access import Role
from components.traffic import Direction, Peer, Traffic
from stacks.teams.config import Quota, TeamConfig


def claimed_gpus(team: TeamConfig) -> list[int]:
    """The numbers of GPUs that pods of the team ask for, each once."""
    return sorted({pods.resources.gpus for entry in team.entries for pods in entry.pod_sets()} - {0})


def quota_hard(quota: Quota | None, *, dra: bool = False) -> dict[str, str]:
    """The `hard` of a ResourceQuota: quantities by resource name, without what is not limited.

    `dra`: GPUs are claimed, so that claims are counted.
    """
    if quota is None:
        return {}
    limits = {
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
        claims.QUOTA if dra else f"requests.{GPU}": quota.gpus,
        f"requests.{SHARED_GPU}": quota.shared_gpus,
        **{f"requests.{mig_resource(profile)}": limit for profile, limit in quota.mig.items()},
        "pods": quota.pods,
        "requests.storage": quota.storage,
    }
    return {name: str(limit) for name, limit in limits.items() if limit is not None}


def traffic_of(team: TeamConfig) -> tuple[Traffic, ...]:
    """The connections that a team declares."""
    if team.network is None:
        return ()
    directions: tuple[Direction, ...] = ("egress", "ingress")
    return tuple(
        Traffic(
            direction=direction,
            peer=Peer(cidr=entry.cidr, namespace=entry.namespace),
            ports=entry.ports,
            protocol=entry.protocol,
            workload=entry.workload,
        )
        for direction in directions
        for entry in getattr(team.network, direction)
    )


def groups_of(team: TeamConfig) -> dict[Role, Sequence[str]]:
    return {"viewer": team.viewers, "developer": team.developers, "owner": team.owners}
