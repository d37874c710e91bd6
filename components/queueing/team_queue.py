"""The queue of one team: a ClusterQueue with what the team owns, and the LocalQueue by which its Jobs get there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pulumi_kubernetes as k8s

from components.gpu_resources import GPU
from components.labels import Owner, object_labels
from components.quantities import canonical_quantity
from components.queueing.names import API_VERSION, DEFAULT_FLAVOR, LOCAL_QUEUE

COMPONENT = "queue"
Policy = Literal["Never", "LowerPriority", "LowerOrNewerEqualPriority", "Any"]


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a queue has of one resource, as Kubernetes quantities.

    `nominal` is its own. `borrowing` is the most that it may use beside it of what other queues of the cohort leave
    idle, `lending` the most that others may use of what it leaves idle itself; None for no limit.
    """

    nominal: str
    borrowing: str | None = None
    lending: str | None = None


@dataclass(frozen=True, kw_only=True)
class Preemption:
    """Whose workloads a waiting one may stop.

    `within_queue`: those of its own queue. `reclaim`: those of other queues that run on quota which the waiting one
    owns. `while_borrowing`: those of other queues although it would have to borrow itself.
    """

    within_queue: Policy = "LowerPriority"
    reclaim: Policy = "Any"
    while_borrowing: Policy = "Never"


@dataclass(frozen=True, kw_only=True)
class ClusterQueueArgs:
    """`shares` are of CPU and memory, by resource name; `gpus` by the name of the flavor.

    A resource that is not among them is not limited. `after`: the flavors, and Kueue.
    """

    owner: Owner
    namespace: str
    shares: Mapping[str, Share] = field(default_factory=dict[str, Share])
    gpus: Mapping[str, Share] = field(default_factory=dict[str, Share])
    cohort: str | None = None
    weight: str = "1"
    preemption: Preemption = field(default_factory=Preemption)
    strict: bool = False
    after: Sequence[pulumi.Resource] = ()


def quota(resource: str, share: Share) -> dict[str, str]:
    """One resource of one flavor, as a ClusterQueue says it."""
    limits = {"nominalQuota": share.nominal, "borrowingLimit": share.borrowing, "lendingLimit": share.lending}
    return {"name": resource, **{key: canonical_quantity(text) for key, text in limits.items() if text is not None}}


def cluster_queue_spec(args: ClusterQueueArgs) -> dict[str, Any]:
    """The spec of a ClusterQueue: CPU and memory in one group of resources, GPUs with a flavor a pool in another.

    A pod gets one flavor of each group. Were they one group, its CPU would have to be counted with its GPUs' pool.
    """
    groups: list[dict[str, Any]] = []
    if args.shares:
        resources = [quota(resource, share) for resource, share in args.shares.items()]
        groups.append(
            {
                "coveredResources": list(args.shares),
                "flavors": [{"name": DEFAULT_FLAVOR, "resources": resources}],
            }
        )
    if args.gpus:
        flavors = [{"name": flavor, "resources": [quota(GPU, share)]} for flavor, share in args.gpus.items()]
        groups.append({"coveredResources": [GPU], "flavors": flavors})
    spec: dict[str, Any] = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": args.namespace}},
        "queueingStrategy": "StrictFIFO" if args.strict else "BestEffortFIFO",
        # Another pool with free GPUs comes before borrowing some, or taking them away from somebody.
        "flavorFungibility": {"whenCanBorrow": "TryNextFlavor", "whenCanPreempt": "TryNextFlavor"},
        "preemption": {
            "withinClusterQueue": args.preemption.within_queue,
            "reclaimWithinCohort": args.preemption.reclaim if args.cohort else "Never",
            "borrowWithinCohort": {"policy": args.preemption.while_borrowing if args.cohort else "Never"},
        },
    }
    if groups:
        spec["resourceGroups"] = groups
    if args.cohort:
        spec["cohortName"] = args.cohort
        spec["fairSharing"] = {"weight": canonical_quantity(args.weight)}
    return spec


class ClusterQueue(pulumi.ComponentResource):
    """What a team owns and may borrow. It is there before the team's namespace, and goes after it.

    For a queue with workloads cannot be deleted, and only with the namespace all of them are gone.
    """

    def __init__(self, name: str, args: ClusterQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:tenancy:ClusterQueue", name, None, opts)
        team = args.owner.team
        k8s.apiextensions.CustomResource(
            f"{name}-clusterqueue",
            api_version=API_VERSION,
            kind="ClusterQueue",
            metadata={"name": team, "labels": object_labels(args.owner, name=team, component=COMPONENT)},
            spec=cluster_queue_spec(args),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class LocalQueueArgs:
    """`after`: the ClusterQueue."""

    owner: Owner
    namespace: pulumi.Input[str]
    after: Sequence[pulumi.Resource] = ()


class LocalQueue(pulumi.ComponentResource):
    """The way from a team's namespace into its ClusterQueue, which is named like the team."""

    queue: str

    def __init__(self, name: str, args: LocalQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:tenancy:LocalQueue", name, None, opts)
        team = args.owner.team
        self.queue = LOCAL_QUEUE
        k8s.apiextensions.CustomResource(
            f"{name}-localqueue",
            api_version=API_VERSION,
            kind="LocalQueue",
            metadata={
                "name": LOCAL_QUEUE,
                "namespace": args.namespace,
                "labels": object_labels(args.owner, name=team, component=COMPONENT),
            },
            spec={"clusterQueue": team},
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.register_outputs({})
