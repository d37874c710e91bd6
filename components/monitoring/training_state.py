"""Metrics of the objects that training operators run, which kube-state-metrics derives from their status.

https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from components.labels import TEAM_LABEL
from components.training.engines import EngineFacts

PREFIX = "ml_training"
CONDITION = f"{PREFIX}_condition"
CREATED = f"{PREFIX}_created"


def operated(engines: Iterable[EngineFacts]) -> list[EngineFacts]:
    """Those that are custom resources: kube-state-metrics knows Jobs by itself."""
    return [facts for facts in engines if facts.operator is not None]


def state_config(engines: Iterable[EngineFacts]) -> dict[str, Any]:
    """The configuration of kube-state-metrics.

    `ml_training_condition` is 1 for the conditions that are true and 0 for the others. `ml_training_created` is the
    time at which the object was made, in seconds since 1970. Both have the labels `namespace`, `job_name`, `team` and
    `customresource_kind`.
    """
    return {
        "kind": "CustomResourceStateMetrics",
        "spec": {"resources": [_resource(facts) for facts in operated(engines)]},
    }


def _resource(facts: EngineFacts) -> dict[str, Any]:
    return {
        "groupVersionKind": {"group": facts.group, "version": facts.version, "kind": facts.kind},
        "resourcePlural": facts.resource,
        "metricNamePrefix": PREFIX,
        "labelsFromPath": {
            "namespace": ["metadata", "namespace"],
            # As kube-state-metrics calls a Job: rules and dashboards treat both alike.
            "job_name": ["metadata", "name"],
            "team": ["metadata", "labels", TEAM_LABEL],
        },
        "metrics": [
            {
                "name": "condition",
                "help": "Conditions of a training, 1 for those that are true.",
                "each": _condition(facts),
            },
            {
                "name": "created",
                "help": "When a training was made, in seconds since 1970.",
                "each": {"type": "Gauge", "gauge": {"path": ["metadata", "creationTimestamp"]}},
            },
        ],
    }


def _condition(facts: EngineFacts) -> dict[str, Any]:
    if facts.phase is not None:
        phases = {"labelName": "condition", "path": ["status", facts.phase.field], "list": list(facts.phase.last)}
        return {"type": "StateSet", "stateSet": phases}
    gauge = {"path": ["status", "conditions"], "labelsFromPath": {"condition": ["type"]}, "valueFrom": ["status"]}
    return {"type": "Gauge", "gauge": gauge}
