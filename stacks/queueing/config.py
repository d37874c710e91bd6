"""The `queueing:` section of an environment: who trains when there is not enough for all.

The words are Kueue's: https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from stacks.clouds.pools import PoolFacts
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule, unique_names
from stacks.language.types import Duration, LabelKey, LabelValue, Name

# Kueue keeps priorities of its own in 32 bits, and leaves those above 1e9 to the system as Kubernetes does.
HIGHEST_PRIORITY = 1_000_000_000


class PreemptionConfig(ConfigModel):
    """Which training a waiting training may preempt. Preempted training returns to its queue and starts again."""

    within_queue: Literal["never", "lowerPriority", "lowerOrNewerEqualPriority"] = Field(
        default="lowerPriority", description="Which training of the same queue may be preempted."
    )
    reclaim: Literal["never", "lowerPriority", "any"] = Field(
        default="any",
        description="Which training of other teams may be preempted to reclaim quota that the team owns and lent.",
    )
    while_borrowing: Literal["never", "lowerPriority"] = Field(
        default="never", description="Which training of other teams may be preempted while borrowing."
    )


class WaitForPodsReady(ConfigModel):
    """Training whose pods are not all ready in time is evicted and waits again."""

    timeout: Duration = Field(
        default=900, description="Timeout until all pods are ready, including the start of new nodes."
    )
    backoff: Duration = Field(default=60, description="Pause before the next attempt, doubled after each.")
    retries: int | None = Field(
        default=None, ge=0, le=100, description="Maximum number of attempts. Default: no limit."
    )


class WorkloadPriority(ConfigModel):
    """A priority that training names under `queuePriority`."""

    name: Name = Field(description="Name of the priority.")
    value: int = Field(
        ge=-HIGHEST_PRIORITY,
        le=HIGHEST_PRIORITY,
        description="Higher values go first. Training without a priority has 0.",
    )


class Flavor(ConfigModel):
    """GPU nodes that no pool of this file describes, such as those of an existing cluster."""

    name: Name = Field(description="Name, which teams use in `queue.gpus`.")
    node_labels: Mapping[LabelKey, LabelValue] = Field(description="Labels that only these nodes have.")
    gpus: int = Field(ge=1, le=100_000, description="Total number of GPUs of these nodes.")

    @rule("nodeLabels")
    def _not_every_node(self) -> Iterator[Fault]:
        if not self.node_labels:
            message = "no label: the flavor would mean every node; name a label of these nodes alone"
            yield Fault(path=("nodeLabels",), message=message)

    def pool(self, index: int) -> PoolFacts:
        """The nodes as one pool. `index`: of the entry."""
        path = ("queueing", "flavors", index)
        return PoolFacts(name=self.name, path=path, nodes=1, gpus=self.gpus, labels=self.node_labels)


class QueueingConfig(ConfigModel):
    """Training waits in its team's queue (Kueue) until there is room for all of its pods."""

    cohort: Name | None = Field(
        default=None, description="Name of the cohort in which teams lend each other idle quota. Default: no lending."
    )
    fair_sharing: bool = Field(
        default=False, description="Whether idle resources are divided by the weights of the queues."
    )
    strategy: Literal["bestEffort", "strict"] = Field(
        default="bestEffort", description="Whether later training of a queue may overtake training that does not fit."
    )
    preemption: PreemptionConfig = Field(
        default=PreemptionConfig(), description="Which training a waiting training may preempt."
    )
    wait_for_pods_ready: WaitForPodsReady = Field(
        default=WaitForPodsReady(), description="How long admitted training may take until all of its pods are ready."
    )
    wait: Duration = Field(
        default=7 * 86400, description="Longest time that `pulumi up` waits for queued training to start."
    )
    priorities: Many[WorkloadPriority] = Field(default=(), description="Priorities of training.")
    flavors: Many[Flavor] = Field(default=(), description="GPU nodes that belong to no pool of this file.")
    replicas: int = Field(default=1, ge=1, le=3, description="Replicas of Kueue's controller, of which one is active.")

    def installs(self, cluster: str) -> Iterator[str]:
        yield "kueue"

    _names = unique_names("priorities", "flavors")

    @rule("cohort")
    def _something_to_share(self) -> Iterator[Fault]:
        if self.cohort is None and self.fair_sharing:
            message = "there is nothing to share without a cohort; write cohort: beside it, or remove the key"
            yield Fault(path=("fairSharing",), message=message)

    @rule("fairSharing", "preemption.reclaim")
    def _preemption_while_borrowing(self) -> Iterator[Fault]:
        if self.preemption.while_borrowing != "never":
            path = ("preemption", "whileBorrowing")
            if self.fair_sharing:
                message = "Kueue has this only without fair sharing; remove it, or fairSharing"
                yield Fault(path=path, message=message)
            if self.preemption.reclaim == "never":
                message = "a queue that reclaims nothing cannot do this; write reclaim: any, or remove the key"
                yield Fault(path=path, message=message)
