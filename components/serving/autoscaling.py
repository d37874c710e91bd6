"""The number of replicas by load, as a HorizontalPodAutoscaler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from pulumi_kubernetes.autoscaling import v2 as autoscaling


@dataclass(frozen=True, kw_only=True)
class Autoscaling:
    """Between `min_replicas` and `max_replicas`.

    `cpu` and `memory` are the mean use to aim at, in percent of the request; at least one of them.
    `scale_down_after` is the time in seconds that the load must be lower before replicas go.
    """

    min_replicas: int
    max_replicas: int
    cpu: int | None = None
    memory: int | None = None
    scale_down_after: int = 300


def autoscaler_spec(
    wanted: Autoscaling, deployment: pulumi.Input[str]
) -> autoscaling.HorizontalPodAutoscalerSpecArgsDict:
    targets = {"cpu": wanted.cpu, "memory": wanted.memory}
    return {
        "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": deployment},
        "min_replicas": wanted.min_replicas,
        "max_replicas": wanted.max_replicas,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": name, "target": {"type": "Utilization", "average_utilization": percent}},
            }
            for name, percent in targets.items()
            if percent is not None
        ],
        "behavior": {
            # Out at once: at most twice as many, or four more, each quarter of a minute.
            "scale_up": {
                "stabilization_window_seconds": 0,
                "select_policy": "Max",
                "policies": [
                    {"type": "Percent", "value": 100, "period_seconds": 15},
                    {"type": "Pods", "value": 4, "period_seconds": 15},
                ],
            },
            # In only when the load has been low for the whole window.
            "scale_down": {
                "stabilization_window_seconds": wanted.scale_down_after,
                "select_policy": "Max",
                "policies": [{"type": "Percent", "value": 100, "period_seconds": 15}],
            },
        },
    }
