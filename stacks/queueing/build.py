"""The queues of an environment: from its config to Kueue, to a queue for each team, and to the Jobs in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction

import pulumi

from components.cluster import Cluster
from components.labels import Owner
from components.queueing.kueue import Gangs, GpuFlavor, Queueing, QueueingArgs
from components.queueing.team_queue import ClusterQueue, ClusterQueueArgs, Policy, Preemption, Share
from components.training.engines import frameworks_of
from stacks.clouds.pools import PoolFacts
from stacks.queueing.config import PreemptionConfig, QueueingConfig
from stacks.queueing.quotas import FORMATS, Amount, quotas_of, shared_gpus
from stacks.teams.config import TeamConfig
from stacks.teams.queue import Queue

POLICIES: dict[str, Policy] = {
    "never": "Never",
    "lowerPriority": "LowerPriority",
    "lowerOrNewerEqualPriority": "LowerOrNewerEqualPriority",
    "any": "Any",
}


def build_queueing(
    config: QueueingConfig,
    pools: Sequence[PoolFacts],
    teams: Sequence[TeamConfig],
    kinds: Collection[str],
    cluster: Cluster,
) -> Queueing:
    """Kueue with all that the teams' queues refer to. kinds: those of training that may wait in them."""
    shared = shared_gpus(teams, pools, cohort=config.cohort is not None)
    ready = config.wait_for_pods_ready
    return Queueing(
        "queueing",
        QueueingArgs(
            sources=cluster.sources,
            connection=cluster.connection,
            frameworks=frameworks_of(kinds),
            flavors=[
                GpuFlavor(name=pool.name, node_labels=pool.node_labels, shared=shared[pool.name], team=pool.team)
                for pool in pools
            ],
            cohort=config.cohort,
            fair_sharing=config.fair_sharing,
            gangs=Gangs(timeout_seconds=ready.timeout, backoff_seconds=ready.backoff, retries=ready.retries),
            priorities={priority.name: priority.value for priority in config.priorities},
            replicas=config.replicas,
        ),
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )


def build_cluster_queue(
    config: QueueingConfig, pools: Sequence[PoolFacts], team: TeamConfig, cluster: Cluster, queueing: Queueing
) -> ClusterQueue:
    """What a team owns, borrows and lends."""
    quotas = quotas_of(team, pools, cohort=config.cohort is not None)
    return ClusterQueue(
        f"{team.name}-queue",
        ClusterQueueArgs(
            owner=Owner(team=team.name, labels=team.labels),
            namespace=team.namespace_name,
            shares={name: share_of(name, amount) for name, amount in quotas.resources.items()},
            gpus={pool: share_of("gpus", amount) for pool, amount in quotas.gpus.items()},
            cohort=config.cohort,
            weight=f"{(team.queue or Queue()).weight:.3f}",
            preemption=preemption_of(config.preemption),
            strict=config.strategy == "strict",
            after=queueing.ready,
        ),
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )


def share_of(resource: str, amount: Amount) -> Share:
    """An amount as Kubernetes writes it: `cpu`, `memory` or `gpus`."""

    def text(value: Fraction | None) -> str | None:
        return None if value is None else FORMATS.get(resource, str)(value)

    return Share(nominal=text(amount.nominal) or "0", borrowing=text(amount.borrowing), lending=text(amount.lending))


def preemption_of(config: PreemptionConfig) -> Preemption:
    return Preemption(
        within_queue=POLICIES[config.within_queue],
        reclaim=POLICIES[config.reclaim],
        while_borrowing=POLICIES[config.while_borrowing],
    )
