"""Queues for training: Kueue, what it knows of the nodes, and what the teams' queues share.

A team's own queue is `components.queueing.team_queue`. https://kueue.sigs.k8s.io/docs/concepts/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import yaml

from components import catalog, namespaces
from components.gpu_resources import GPU
from components.labels import PART_OF, TEAM_LABEL
from components.placement import GPU_TOLERATION
from components.platform.connection import Connection
from components.platform.operator import Operator, OperatorArgs
from components.platform.sources import Sources
from components.pods import USER
from components.queueing.names import API_VERSION, DEFAULT_FLAVOR

CHART = "kueue"
NAMESPACE = namespaces.QUEUEING
GROUP = "kueue.x-k8s.io"


@dataclass(frozen=True, kw_only=True)
class GpuFlavor:
    """GPUs of one pool of nodes, which these labels select. `shared`: how many of them no team owns.

    `team`: the one that the nodes are dedicated to, by their taint.
    """

    name: str
    node_labels: Mapping[str, str]
    shared: int = 0
    team: str | None = None


@dataclass(frozen=True, kw_only=True)
class Gangs:
    """How long all pods of a workload may take to be ready together before it gives its place back, in seconds.

    It then waits `backoff_seconds`, twice that after the next failure, and so on. After `retries` failures (None:
    never) it is deactivated.
    """

    timeout_seconds: int = 900
    backoff_seconds: int = 60
    retries: int | None = None


@dataclass(frozen=True, kw_only=True)
class QueueingArgs:
    """`priorities`: values of WorkloadPriorityClasses by name; the higher goes first.

    `frameworks`: the kinds of trainings that wait in queues, by Kueue's names. Pods and Deployments are never among
    them: servers must start while Kueue is down. `cohort`: the name under which the teams' queues lend each other what
    they do not use; None for no lending.
    """

    sources: Sources
    connection: Connection
    frameworks: Sequence[str]
    flavors: Sequence[GpuFlavor] = ()
    cohort: str | None = None
    fair_sharing: bool = False
    gangs: Gangs = field(default_factory=Gangs)
    priorities: Mapping[str, int] = field(default_factory=dict[str, int])
    replicas: int = 1


def manager_config(frameworks: Sequence[str], *, fair_sharing: bool, gangs: Gangs) -> dict[str, Any]:
    """Kueue's own configuration file. What is left out has Kueue's defaults."""
    requeuing: dict[str, Any] = {"timestamp": "Eviction", "backoffBaseSeconds": gangs.backoff_seconds}
    if gangs.retries is not None:
        requeuing["backoffLimitCount"] = gangs.retries
    config: dict[str, Any] = {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": ":8081"},
        "metrics": {"bindAddress": ":8443", "enableClusterQueueResources": True},
        "webhook": {"port": 9443},
        "leaderElection": {"leaderElect": True, "resourceName": "c1f6bfd2.kueue.x-k8s.io"},
        "clientConnection": {"qps": 300, "burst": 500},
        "controller": {"groupKindConcurrency": {"Job.batch": 5, "Workload.kueue.x-k8s.io": 10}},
        # Without this, gangs that each got some of the nodes would block each other forever.
        "waitForPodsReady": {
            "timeout": f"{gangs.timeout_seconds}s",
            "recoveryTimeout": f"{gangs.timeout_seconds}s",
            "blockAdmission": False,
            "requeuingStrategy": requeuing,
        },
        "manageJobsWithoutQueueName": False,
        # Kueue's webhooks refuse when it is down. In a team's namespace that is wanted, for a Job would pass the
        # queue by; nowhere else may a Job depend on Kueue.
        "managedJobsNamespaceSelector": {"matchExpressions": [{"key": TEAM_LABEL, "operator": "Exists"}]},
        "integrations": {"frameworks": list(frameworks)},
        # As in a ResourceQuota: what a queue does not mention is not limited by it.
        "resources": {"quotaCheckStrategy": "IgnoreUndeclared"},
    }
    if fair_sharing:
        config["fairSharing"] = {"preemptionStrategies": ["LessThanOrEqualToFinalShare", "LessThanInitialShare"]}
    return config


def chart_values(args: QueueingArgs) -> dict[str, Any]:
    """Values of Kueue's chart."""
    repository, _, tag = catalog.load().chart(CHART).images[0].rpartition(":")
    config = manager_config(args.frameworks, fair_sharing=args.fair_sharing, gangs=args.gangs)
    return {
        "controllerManager": {
            "replicas": args.replicas,
            "manager": {
                "image": {
                    "repository": args.sources.mirrored(repository),
                    "tag": tag,
                    "pullPolicy": "IfNotPresent",
                },
                "resources": {
                    "requests": {"cpu": "200m", "memory": "512Mi"},
                    "limits": {"cpu": "2", "memory": "1Gi"},
                },
                "podSecurityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            },
            # Jobs of teams wait for it, so it is ready early, and not killed for being slow on a busy node.
            "readinessProbe": {"initialDelaySeconds": 1, "periodSeconds": 3, "timeoutSeconds": 5},
            "livenessProbe": {"timeoutSeconds": 10, "failureThreshold": 6},
            "podDisruptionBudget": {"enabled": args.replicas > 1},
        },
        "managerConfig": {"controllerManagerConfigYaml": yaml.safe_dump(config, sort_keys=False)},
    }


def flavor_spec(flavor: GpuFlavor) -> dict[str, Any]:
    """The spec of a ResourceFlavor: its pods run on the pool, and tolerate the taint of GPU nodes."""
    spec: dict[str, Any] = {"nodeLabels": dict(flavor.node_labels), "tolerations": [dict(GPU_TOLERATION)]}
    if flavor.team:
        # Kueue then gives the pool only to pods that tolerate the taint: those that name the pool.
        spec["nodeTaints"] = [{"key": TEAM_LABEL, "value": flavor.team, "effect": "NoSchedule"}]
    return spec


def cohort_spec(flavors: Sequence[GpuFlavor]) -> dict[str, Any]:
    """The spec of a Cohort, which holds the GPUs that no team owns: any of its queues may borrow them."""
    if not any(flavor.shared for flavor in flavors):
        return {}
    quotas = [
        {"name": flavor.name, "resources": [{"name": GPU, "nominalQuota": str(flavor.shared)}]} for flavor in flavors
    ]
    return {"resourceGroups": [{"coveredResources": [GPU], "flavors": quotas}]}


class Queueing(pulumi.ComponentResource):
    """Kueue that is ready, with a flavor for each pool of GPU nodes, priorities, and the cohort of the teams."""

    # Where Kueue is.
    namespace: pulumi.Output[str]
    # What a team's queue depends on.
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: QueueingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:Queueing", name, None, opts)
        operator = Operator(
            f"{name}-operator",
            OperatorArgs(
                chart=CHART,
                namespace=NAMESPACE,
                sources=args.sources,
                connection=args.connection,
                values=chart_values(args),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        # They die before Kueue, which alone can remove their finalizers.
        child = pulumi.ResourceOptions(parent=self, depends_on=[operator])

        def metadata(object_name: str) -> dict[str, Any]:
            return {"name": object_name, "labels": labels(object_name)}

        def made(kind: str, object_name: str, spec: Mapping[str, Any]) -> pulumi.Resource:
            return k8s.apiextensions.CustomResource(
                f"{name}-{kind.lower()}-{object_name}",
                api_version=API_VERSION,
                kind=kind,
                metadata=metadata(object_name),
                spec=spec,
                opts=child,
            )

        objects = [made("ResourceFlavor", DEFAULT_FLAVOR, {})]
        objects += [made("ResourceFlavor", flavor.name, flavor_spec(flavor)) for flavor in args.flavors]
        objects += [
            WorkloadPriorityClass(f"{name}-priority-{priority}", metadata=metadata(priority), value=value, opts=child)
            for priority, value in args.priorities.items()
        ]
        if args.cohort is not None:
            cohort = cohort_spec(args.flavors)
            # Its quota names the flavors, and a flavor in use can not be deleted.
            objects.append(
                k8s.apiextensions.CustomResource(
                    f"{name}-cohort",
                    api_version=API_VERSION,
                    kind="Cohort",
                    metadata=metadata(args.cohort),
                    spec=cohort,
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[operator, *objects]),
                )
            )
        self.namespace = operator.namespace
        self.ready = [operator, *objects]
        self.register_outputs({})


class WorkloadPriorityClass(pulumi.CustomResource):
    """A priority among queued workloads. The SDK's own class for custom resources knows nothing beside `spec`."""

    def __init__(
        self, name: str, *, metadata: Mapping[str, Any], value: int, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        kind = "WorkloadPriorityClass"
        content = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "value": value}
        super().__init__(f"kubernetes:{API_VERSION}:{kind}", name, content, opts)


def labels(object_name: str) -> dict[str, str]:
    """Labels of an object that belongs to no team."""
    return {
        "app.kubernetes.io/name": object_name,
        "app.kubernetes.io/component": "queueing",
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": "pulumi",
    }
