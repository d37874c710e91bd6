"""What servers of every engine are made of, as pure functions: their pods, their Service and how they end."""

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
from components.pods import Mount, Program, pod_spec
from components.serving.engines import HTTP, METRICS_PATH

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta

COMPONENT = "serving"
# While this file exists the server asks its clients to close their connections (docs/concepts/contracts.md).
DRAINING_FILE = "/tmp/draining"  # noqa: S108
# After the drain a server gets SIGTERM, and this long to answer what it has begun.
SHUTDOWN_SECONDS = 30
# A new replica must stay ready this long before an old one goes: time for every node to route to it.
MIN_READY_SECONDS = 3
PROGRESS_MARGIN_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Probes:
    """HTTP GET probes. `startup_seconds` is the longest time that a container may take until it is ready."""

    liveness_path: str = "/healthz"
    readiness_path: str = "/readyz"
    startup_seconds: int = 300
    period_seconds: int = 5
    timeout_seconds: int = 2


@dataclass(frozen=True, kw_only=True)
class ServerArgs:
    """One `serving` entry of a team.

    `after` is what must be there before the server starts, such as the training of its model. `secret_versions` are
    those of the stack's own Secrets that the server reads, `changing_secrets` the names of those that change outside of
    the stack.
    """

    cluster: Cluster
    owner: Owner
    namespace: pulumi.Input[str]
    entry: str
    program: Program
    port: int = 8080
    replicas: int = 1
    probes: Probes = field(default_factory=Probes)
    disruption: Disruption = field(default_factory=Disruption)
    drain_seconds: int = 10
    placement: Placement = field(default_factory=Placement)
    after: Sequence[pulumi.Resource] = ()
    secret_versions: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    changing_secrets: Sequence[str] = ()
    image_pull_secret: str | None = None

    @property
    def selector(self) -> dict[str, str]:
        return selector_labels(name=self.entry, component=COMPONENT)

    @property
    def labels(self) -> dict[str, str]:
        return object_labels(self.owner, name=self.entry, component=COMPONENT)

    def metadata(self, name: str | None = None) -> meta.ObjectMetaArgsDict:
        """The metadata of one of the server's objects, which has the name of the entry unless it is given."""
        return {"name": name or self.entry, "namespace": self.namespace, "labels": self.labels}


def service_account_name(entry: str) -> str:
    return f"{entry}-{COMPONENT}"


def service_account(name: str, args: ServerArgs, opts: pulumi.ResourceOptions) -> k8s.core.v1.ServiceAccount:
    return k8s.core.v1.ServiceAccount(
        f"{name}-account",
        metadata=args.metadata(service_account_name(args.entry)),
        automount_service_account_token=False,
        image_pull_secrets=[{"name": args.image_pull_secret}] if args.image_pull_secret else None,
        opts=opts,
    )


def probe(path: str, *, period: int, timeout: int, failures: int) -> core.ProbeArgsDict:
    return {
        "http_get": {"path": path, "port": HTTP},
        "period_seconds": period,
        "timeout_seconds": timeout,
        "failure_threshold": failures,
    }


def answer_and_drain(main: core.ContainerArgsDict, args: ServerArgs) -> None:
    """Give a container its port, its probes, and what happens before it is told to end."""
    probes = args.probes
    main["ports"] = [{"name": HTTP, "container_port": args.port, "protocol": "TCP"}]
    # Every second until the server is ready, so that a quick start is not kept waiting by a patient probe.
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


def pod_template(
    args: ServerArgs, main: core.ContainerArgsDict, mounts: Sequence[Mount], *, revisions: bool
) -> core.PodTemplateSpecArgsDict:
    """The pods of a server. `revisions`: those of each revision of a Deployment are spread apart."""
    pod = pod_spec(
        main,
        service_account=service_account_name(args.entry),
        placement=args.placement,
        mounts=mounts,
        resources=args.program.resources,
        secret_files=args.program.secret_files,
    )
    pod["termination_grace_period_seconds"] = args.drain_seconds + SHUTDOWN_SECONDS
    pod["topology_spread_constraints"] = spread_constraints(
        spreads_of_server(args.placement.spread), args.selector, revisions=revisions
    )
    metadata: meta.ObjectMetaArgsDict = {"labels": args.labels}
    if args.secret_versions:
        # Variables are read when a pod starts: another version of a Secret is another pod.
        metadata["annotations"] = {f"{VERSION}/{name}": value for name, value in args.secret_versions.items()}
    return {"metadata": metadata, "spec": pod}


def rotated_metadata(args: ServerArgs) -> meta.ObjectMetaArgsDict:
    """The metadata of a Deployment, by which it is found and rolled when a Secret that it reads changes."""
    metadata = args.metadata()
    if args.changing_secrets:
        metadata["labels"] = {**args.labels, ROTATION: "secrets"}
        metadata["annotations"] = {ROTATION: ",".join(sorted(args.changing_secrets))}
    return metadata


def service(
    name: str,
    args: ServerArgs,
    opts: pulumi.ResourceOptions,
    *,
    more_ports: Sequence[core.ServicePortArgsDict] = (),
    metrics_path: str = "/metrics",
) -> k8s.core.v1.Service:
    """The address of a server: port 80 is its port `http`."""
    exposure = args.cluster.exposure
    metadata = args.metadata()
    annotations: dict[str, str] = {}
    if not exposure.has_to_wait:
        # Pulumi would wait ten seconds for the endpoints to settle. That the server answers is what the
        # wait for the workload proves, and the address is there as soon as the Service is.
        annotations["pulumi.com/skipAwait"] = "true"
    if metrics_path != "/metrics":
        annotations[METRICS_PATH] = metrics_path
    if annotations:
        metadata["annotations"] = annotations
    ports: list[core.ServicePortArgsDict] = [{"name": HTTP, "port": 80, "target_port": HTTP, "protocol": "TCP"}]
    return k8s.core.v1.Service(
        f"{name}-service",
        metadata=metadata,
        spec={"type": exposure.service_type, "selector": args.selector, "ports": [*ports, *more_ports]},
        opts=opts,
    )


def disruption_budget(name: str, args: ServerArgs, opts: pulumi.ResourceOptions) -> None:
    k8s.policy.v1.PodDisruptionBudget(
        f"{name}-disruption",
        metadata=args.metadata(),
        spec=disruption_budget_spec(args.disruption, selector=args.selector),
        opts=opts,
    )
