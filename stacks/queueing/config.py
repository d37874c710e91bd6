"""The `queueing:` section of an environment and the `queue:` of a team: who trains when there is not enough for all.

The words are Kueue's: https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, Rule, shown
from stacks.language.types import Cpu, Duration, LabelKey, LabelValue, Memory, Name
from stacks.teams import checks as crosschecks

# Kueue keeps priorities of its own in 32 bits, and leaves those above 1e9 to the system as Kubernetes does.
HIGHEST_PRIORITY = 1_000_000_000


def check_gpus(value: object) -> object:
    """A number of GPUs, or numbers by the name of the pool."""
    amounts = value if isinstance(value, dict) else {"": value}
    for amount in amounts.values():
        if not isinstance(amount, int) or isinstance(amount, bool) or not 0 <= amount <= 100_000:
            remedy = "write a whole number such as 8, or one for each pool: {a100: 8, h100: 0}"
            raise ValueError(f"{shown(amount)} is not a number of GPUs; {remedy}")
    return value


def check_weight(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.001 <= value <= 1000:
        raise ValueError(f"{shown(value)} is not a weight; write a number from 0.001 to 1000, such as 2")
    return float(value)


Gpus = Annotated[
    int | Mapping[str, int],
    Rule("GPUs of pools", check_gpus, "a number where there is one GPU pool, else by pool: `{a100: 8, h100: 4}`"),
]
Weight = Annotated[float, Rule("weight", check_weight, "a number from 0.001 to 1000; a default queue has 1")]


class Amounts(ConfigModel):
    """Amounts of what a queue counts. GPUs are counted by pool, CPU and memory wherever a pod lands."""

    cpu: Cpu | None = Field(default=None, description="CPU.")
    memory: Memory | None = Field(default=None, description="Memory.")
    gpus: Gpus | None = Field(default=None, description="GPUs, of the one GPU pool or by pool.")


class Queue(ConfigModel):
    """What the team's training owns, and what it may borrow and lends."""

    cpu: Cpu | None = Field(default=None, description="CPU that is its own. Else `quota` without what servers take.")
    memory: Memory | None = Field(default=None, description="Memory that is its own. Else as for `cpu`.")
    gpus: Gpus | None = Field(
        default=None, description="GPUs that are its own. Else as for `cpu`; without a quota none."
    )
    borrowing_limit: Amounts = Field(
        default=Amounts(),
        description="The most it borrows beside that. Else what `quota` leaves.",
    )
    lending_limit: Amounts = Field(
        default=Amounts(), description="The most that others borrow of what it leaves idle. Else all of it."
    )
    weight: Weight = Field(default=1.0, description="Its share of what is idle, compared with that of other queues.")


class Preemption(ConfigModel):
    """Whose training a waiting one may stop. What is stopped goes back into its queue and starts again."""

    within_queue: Literal["never", "lowerPriority", "lowerOrNewerEqualPriority"] = Field(
        default="lowerPriority", description="Training of the same queue."
    )
    reclaim: Literal["never", "lowerPriority", "any"] = Field(
        default="any", description="Training of other teams on what the waiting one's team owns and lent."
    )
    while_borrowing: Literal["never", "lowerPriority"] = Field(
        default="never", description="Training of other teams although the waiting one would have to borrow itself."
    )


class WaitForPodsReady(ConfigModel):
    """All pods of a training are ready in time, or it gives its place back and waits again."""

    timeout: Duration = Field(default=900, description="Longest time until all pods are ready, new nodes included.")
    backoff: Duration = Field(default=60, description="Pause before the next try; doubled after each.")
    retries: int | None = Field(default=None, ge=0, le=100, description="Tries before it is given up. Else no end.")


class WorkloadPriority(ConfigModel):
    """A priority that training names under `queuePriority`."""

    name: Name = Field(description="Name of the priority.")
    value: int = Field(ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY, description="The higher goes first; without one, 0.")


class Flavor(ConfigModel):
    """GPU nodes that no pool of this file describes, such as those of an existing cluster."""

    name: Name = Field(description="Name, as `queue.gpus` of teams has it.")
    node_labels: Mapping[LabelKey, LabelValue] = Field(description="Labels that these nodes, and no others, have.")
    gpus: int = Field(ge=1, le=100_000, description="Number of GPUs that they have together.")

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not self.node_labels:
            message = "no label: the flavor would mean every node; name a label of these nodes alone"
            yield Fault(path=("nodeLabels",), message=message, complete=(("nodeLabels",),))


class Queueing(ConfigModel):
    """Training waits in its team's queue (Kueue) until all of its pods have a place."""

    cohort: Name | None = Field(
        default=None, description="Name of the cohort in which teams lend each other what is idle. Else none lends."
    )
    fair_sharing: bool = Field(default=False, description="Whether idle resources are shared by the queues' weights.")
    strategy: Literal["bestEffort", "strict"] = Field(
        default="bestEffort", description="Whether a training that does not fit lets later ones of its queue pass."
    )
    preemption: Preemption = Field(default=Preemption(), description="Whose training a waiting one may stop.")
    wait_for_pods_ready: WaitForPodsReady = Field(
        default=WaitForPodsReady(), description="How long a started training may take to have all of its pods."
    )
    wait: Duration = Field(
        default=7 * 86400, description="Longest time that `pulumi up` waits for a queued training to start."
    )
    priorities: Many[WorkloadPriority] = Field(default=(), description="Priorities that training may name.")
    flavors: Many[Flavor] = Field(default=(), description="GPU nodes that no pool of this file describes.")
    replicas: int = Field(default=1, ge=1, le=3, description="Replicas of Kueue's controller; one of them works.")

    def installs(self, cluster: str) -> Iterator[str]:
        yield from super().installs(cluster)
        yield "kueue"

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        yield from crosschecks.repeated_names("priorities", self.priorities)
        yield from crosschecks.repeated_names("flavors", self.flavors)
        if self.cohort is None and self.fair_sharing:
            message = "there is nothing to share without a cohort; write cohort: beside it, or remove the key"
            yield Fault(path=("fairSharing",), message=message, untouched=(("cohort",),))
        if self.preemption.while_borrowing != "never":
            path = ("preemption", "whileBorrowing")
            if self.fair_sharing:
                message = "Kueue has this only without fair sharing; remove it, or fairSharing"
                yield Fault(path=path, message=message, untouched=(("fairSharing",),))
            if self.preemption.reclaim == "never":
                message = "a queue that reclaims nothing cannot do this; write reclaim: any, or remove the key"
                yield Fault(path=path, message=message, untouched=(("preemption", "reclaim"),))
