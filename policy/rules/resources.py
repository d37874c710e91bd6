"""Containers have limits, and GPUs come from pools with a maximum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.placement import POOL_LABEL
from policy.graph.pods import Pod, team_pods
from policy.graph.resources import Resource, Stack
from policy.graph.values import UNKNOWN, differs, get
from policy.rules.aws.nodes import list_pools
from policy.rules.model import Level, ResourceRule, Settings, StackRule, stack_rule

# What the names of NVIDIA's resources begin with: whole GPUs, shared ones, partitions.
GPU_PREFIX = "nvidia.com/"


@stack_rule(
    "container-limited",
    level=Level.MANDATORY,
    reason="without requests the scheduler packs blindly, without limits one pod starves its neighbours",
    remedy="Set resources.requests and resources.limits for cpu and memory (of a TrainJob: trainer.resourcesPerNode).",
)
def container_limited(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every container of a team has requests and limits, also those that an operator makes."""
    for pod in team_pods(stack):
        for container in pod.containers:
            for part in ("requests", "limits"):
                given = get(container, "resources", part)
                missing = [key for key in ("cpu", "memory") if get(given, key) is None]
                if missing:
                    yield (
                        pod.owner,
                        f"container {container.get('name')} has no {part} for {' and '.join(missing)}.",
                    )


def wants_gpus(pod: Pod) -> bool:
    """Whether a container of a pod is known to ask for GPUs."""
    return any(
        str(key).startswith(GPU_PREFIX) and differs(amount, 0, "0", None)
        for container in pod.containers
        for part in ("requests", "limits")
        for key, amount in _entries(get(container, "resources", part))
    )


def _entries(value: object) -> Iterator[tuple[str, Any]]:
    yield from value.items() if isinstance(value, Mapping) else ()


def may_land(pod: Pod, labels: Any) -> bool:
    """Whether the pool of a pod's node selector is one with these labels; also when either is unknown."""
    wanted = get(pod.spec, "nodeSelector", POOL_LABEL)
    return wanted is None or UNKNOWN in (wanted, get(labels, POOL_LABEL)) or get(labels, POOL_LABEL) == wanted


@stack_rule(
    "gpu-from-bounded-pool",
    level=Level.MANDATORY,
    reason="otherwise it waits for a GPU that no pool has, or buys machines without a limit",
    remedy="Add a GPU pool with a maximum, or place the workload on one that the stack has.",
)
def gpu_from_bounded_pool(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """In a stack with node pools, a team's pod that requests GPUs fits a pool with a maximum."""
    pools = list_pools(stack)
    if not pools:
        # The machines are not this stack's: those of an existing cluster, or of a team stack's environment.
        return
    for pod in team_pods(stack):
        if wants_gpus(pod) and not any(pool.gpus and pool.bounded and may_land(pod, pool.labels) for pool in pools):
            yield pod.owner, "it requests GPUs, but no GPU pool with a maximum can run it."


RULES: tuple[ResourceRule | StackRule, ...] = (container_limited, gpu_from_bounded_pool)
