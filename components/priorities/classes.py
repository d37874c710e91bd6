"""The PriorityClasses of the platform, and those that a config adds, on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.labels import service_labels
from components.priorities.names import PLATFORM, Priority


@dataclass(frozen=True, kw_only=True)
class PrioritiesArgs:
    """`added`: classes besides the platform's own."""

    added: Sequence[Priority] = ()


class Priorities(pulumi.ComponentResource):
    """The PriorityClasses that workloads name. They must be there before any pod, and until the last one is gone."""

    def __init__(self, name: str, args: PrioritiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:Priorities", name, None, opts)
        for priority in (*PLATFORM, *args.added):
            k8s.scheduling.v1.PriorityClass(
                f"{name}-{priority.name}",
                metadata={
                    "name": priority.name,
                    "labels": service_labels("priorities", "platform", instance=priority.name),
                },
                value=priority.value,
                preemption_policy="PreemptLowerPriority" if priority.preempts else "Never",
                # Not said when empty: the API server drops it then.
                description=priority.description or None,
                # A class cannot change its value, and its pods keep the one that they had.
                opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["value", "preemptionPolicy"]),
            )
        self.register_outputs({})
