"""How a new version of a server replaces the old one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi_kubernetes.apps import v1 as apps

LEAST_TIMEOUT_SECONDS = 600
SECONDS_PER_FURTHER_STEP = 60


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """A rolling update: so many replicas above the wanted number, so many missing."""

    max_surge: int = 1
    max_unavailable: int = 0


def deployment_strategy(rollout: Rollout) -> apps.DeploymentStrategyArgsDict:
    return {
        "type": "RollingUpdate",
        "rolling_update": {"max_surge": rollout.max_surge, "max_unavailable": rollout.max_unavailable},
    }


def rollout_timeout_seconds(rollout: Rollout, *, replicas: int, first: int) -> int:
    """How long Pulumi waits for a rollout before it calls it failed.

    The first step may take `first` seconds, the longest start that the config allows. The further ones load
    the same model from the same volume: a minute each is ample, and a rollout that never gets well is still
    reported in time.
    """
    steps = math.ceil(replicas / (rollout.max_surge + rollout.max_unavailable))
    return max(LEAST_TIMEOUT_SECONDS, first + (steps - 1) * SECONDS_PER_FURTHER_STEP)
