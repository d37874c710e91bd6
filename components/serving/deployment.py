"""Serving as a Deployment: any HTTP predictor that loads one version of one model from a volume or a bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.cluster import Cluster
from components.external_secrets.rotation.program import MARK as ROTATION
from components.external_secrets.rotation.program import VERSION
from components.labels import Owner, object_labels, selector_labels
from components.placement import Placement, spread_constraints, spreads_of_server
from components.platform.disruption import Disruption, disruption_budget_spec
from components.pods import Mount, Program, container, pod_spec
from components.serving.autoscaling import Autoscaling, autoscaler_spec
from components.serving.rollout import Rollout, deployment_strategy, rollout_timeout_seconds
from components.serving.served import Served
from components.storage.access import TeamStorage
from components.workload import Workload

if TYPE_CHECKING:
    from pulumi_kubernetes.apps import v1 as apps
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta

MODEL_ROOT = "/models"
COMPONENT = "serving"
HTTP = "http"
# While this file exists the predictor asks its clients to close their connections (docs/concepts/contracts.md).
DRAINING_FILE = "/tmp/draining"  # noqa: S108
# After the drain a predictor gets SIGTERM, and this long to answer what it has begun.
SHUTDOWN_SECONDS = 30
# A new replica must stay ready this long before an old one goes: time for every node to route to it.
MIN_READY_SECONDS = 3
PROGRESS_MARGIN_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Probes:
    """HTTP GET probes. `startup_seconds` is the longest time that a container may take to load its model."""

    liveness_path: str = "/healthz"
    readiness_path: str = "/readyz"
    startup_seconds: int = 300
    period_seconds: int = 5
    timeout_seconds: int = 2


@dataclass(frozen=True, kw_only=True)
class ModelServerArgs:
    """One `serving` entry of a team.

    `after` is what must be there before the server starts, such as the training of its model. With
    `autoscaling`, `replicas` is not used. `secret_versions` are those of the stack's own Secrets that the server
    reads, `changing_secrets` the names of those that change outside of the stack.
    """

    cluster: Cluster
    owner: Owner
    namespace: pulumi.Input[str]
    entry: str
    program: Program
    model: str
    version: str
    models: TeamStorage
    port: int = 8080
    replicas: int = 1
    autoscaling: Autoscaling | None = None
    probes: Probes = field(default_factory=Probes)
    rollout: Rollout = field(default_factory=Rollout)
    disruption: Disruption = field(default_factory=Disruption)
    drain_seconds: int = 10
    placement: Placement = field(default_factory=Placement)
    after: Sequence[pulumi.Resource] = ()
    secret_versions: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    changing_secrets: Sequence[str] = ()
    image_pull_secret: str | None = None

    @property
    def most_replicas(self) -> int:
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas


def service_account_name(entry: str) -> str:
    return f"{entry}-{COMPONENT}"


def probe(path: str, *, period: int, timeout: int, failures: int) -> core.ProbeArgsDict:
    return {
        "http_get": {"path": path, "port": HTTP},
        "period_seconds": period,
        "timeout_seconds": timeout,
        "failure_threshold": failures,
    }


def server_container(args: ModelServerArgs, mounts: Sequence[Mount]) -> core.ContainerArgsDict:
    """The predictor: its port, probes, and what happens before it is told to end."""
    probes = args.probes
    main = container(
        "server",
        args.program,
        variables={
            **args.models.access.variables,
            "MODEL_NAME": args.model,
            "MODEL_VERSION": args.version,
            "MODEL_ROOT": args.models.access.root(MODEL_ROOT),
            "PORT": str(args.port),
        },
        secrets=args.models.access.secrets,
        mounts=mounts,
    )
    main["ports"] = [{"name": HTTP, "container_port": args.port, "protocol": "TCP"}]
    # Every second until the model is loaded, so that a quick start is not kept waiting by a patient probe.
    main["startup_probe"] = probe(
        probes.readiness_path, period=1, timeout=probes.timeout_seconds, failures=probes.startup_seconds
    )
    main["readiness_probe"] = probe(
        probes.readiness_path, period=probes.period_seconds, timeout=probes.timeout_seconds, failures=3
    )
    # Slower to give up than readiness: a busy server is taken out of the Service first, and not restarted.
    main["liveness_probe"] = probe(
        probes.liveness_path, period=2 * probes.period_seconds, timeout=2 * probes.timeout_seconds, failures=6
    )
    # A pod that ends is still routed to until every node knows. Till then it serves, and sends its clients
    # away. It needs a shell in the image; without one the hook fails, and the pod gets its SIGTERM at once.
    main["lifecycle"] = {
        "pre_stop": {"exec_": {"command": ["sh", "-c", f"touch {DRAINING_FILE} && sleep {args.drain_seconds}"]}}
    }
    return main


def deployment_spec(args: ModelServerArgs) -> apps.DeploymentSpecArgsDict:
    """The Deployment. With autoscaling it names no number of replicas: that field is the autoscaler's alone.

    Such a Deployment starts with one replica, and the autoscaler raises that to its minimum.
    """
    mounts = args.models.access.mounts(MODEL_ROOT, read_only=True)
    pod = pod_spec(
        server_container(args, mounts),
        service_account=service_account_name(args.entry),
        placement=args.placement,
        mounts=mounts,
        resources=args.program.resources,
        secret_files=args.program.secret_files,
    )
    selector = selector_labels(name=args.entry, component=COMPONENT)
    pod["termination_grace_period_seconds"] = args.drain_seconds + SHUTDOWN_SECONDS
    pod["topology_spread_constraints"] = spread_constraints(
        spreads_of_server(args.placement.spread), selector, revisions=True
    )
    template: meta.ObjectMetaArgsDict = {"labels": object_labels(args.owner, name=args.entry, component=COMPONENT)}
    if args.secret_versions:
        # Variables are read when a pod starts: another version of a Secret is another pod.
        template["annotations"] = {f"{VERSION}/{name}": value for name, value in args.secret_versions.items()}
    spec: apps.DeploymentSpecArgsDict = {
        "selector": {"match_labels": selector},
        "strategy": deployment_strategy(args.rollout),
        "min_ready_seconds": MIN_READY_SECONDS,
        "progress_deadline_seconds": args.probes.startup_seconds + PROGRESS_MARGIN_SECONDS,
        "revision_history_limit": 3,
        "template": {"metadata": template, "spec": pod},
    }
    if args.autoscaling is None:
        spec["replicas"] = args.replicas
    return spec


class ModelServer(Served):
    """A model behind an HTTP address: replicas that come and go without a failed request."""

    def __init__(self, name: str, args: ModelServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:serving:ModelServer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        exposure = args.cluster.exposure
        selector = selector_labels(name=args.entry, component=COMPONENT)

        def metadata(object_name: str) -> meta.ObjectMetaArgsDict:
            labels = object_labels(args.owner, name=args.entry, component=COMPONENT)
            return {"name": object_name, "namespace": args.namespace, "labels": labels}

        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=metadata(service_account_name(args.entry)),
            automount_service_account_token=False,
            image_pull_secrets=[{"name": args.image_pull_secret}] if args.image_pull_secret else None,
            opts=child,
        )
        service_metadata = metadata(args.entry)
        if not exposure.has_to_wait:
            # Pulumi would wait ten seconds for the endpoints to settle. That the server answers is what the
            # wait for the Deployment proves, and the address is there as soon as the Service is.
            service_metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
        service = k8s.core.v1.Service(
            f"{name}-service",
            metadata=service_metadata,
            spec={
                "type": exposure.service_type,
                "selector": selector,
                "ports": [{"name": HTTP, "port": 80, "target_port": HTTP, "protocol": "TCP"}],
            },
            opts=child,
        )
        patience = rollout_timeout_seconds(
            args.rollout,
            replicas=args.most_replicas,
            first=args.probes.startup_seconds + PROGRESS_MARGIN_SECONDS,
        )
        deployment_metadata = metadata(args.entry)
        if args.changing_secrets:
            # By these it is found and rolled when one of them changes.
            labels = object_labels(args.owner, name=args.entry, component=COMPONENT)
            deployment_metadata["labels"] = {**labels, ROTATION: "secrets"}
            deployment_metadata["annotations"] = {ROTATION: ",".join(sorted(args.changing_secrets))}
        deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=deployment_metadata,
            spec=deployment_spec(args),
            opts=pulumi.ResourceOptions(
                parent=self,
                # Named as plain text in the pods (the account, the claim), or not at all (the training).
                depends_on=[account, args.models, *args.after],
                custom_timeouts=pulumi.CustomTimeouts(create=f"{patience}s", update=f"{patience}s", delete="10m"),
            ),
        )
        self.workload = Workload(kind="Deployment", name=deployment.metadata.name)
        self.service = service.metadata.name
        self.autoscaler = None
        if args.autoscaling is not None:
            autoscaler = k8s.autoscaling.v2.HorizontalPodAutoscaler(
                f"{name}-autoscaler",
                metadata=metadata(args.entry),
                spec=autoscaler_spec(args.autoscaling, self.workload.name),
                opts=child,
            )
            self.autoscaler = autoscaler.metadata.name
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-disruption",
            metadata=metadata(args.entry),
            spec=disruption_budget_spec(args.disruption, selector=selector),
            opts=child,
        )
        self.url = exposure.url(service)
        self.register_outputs({"url": self.url})
