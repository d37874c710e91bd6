"""Metrics of the cluster's objects (kube-state-metrics) and of its nodes (node exporter)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.labels import COMPONENT_LABEL, NAME_LABEL, TEAM_LABEL
from components.monitoring import access
from components.monitoring.names import NODE_EXPORTER, PROGRAM, STATE_METRICS, labels, selector
from components.monitoring.scraping import METRICS_PORT, NODE_LABEL, SIMULATED
from components.monitoring.training_state import operated, state_config
from components.platform.pods import platform_container, platform_pod
from components.platform.sources import Sources
from components.training.engines import EngineFacts

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta

STATE_PORT = 8080
STATE_TELEMETRY_PORT = 8081
NODE_PORT = 9100
STATE_ROLE = "ml-platform:kube-state-metrics"
# Labels of these objects become series: alerts and dashboards ask for the objects of a component or a team.
LABELLED = (
    "deployments",
    "horizontalpodautoscalers",
    "jobs",
    "namespaces",
    "persistentvolumeclaims",
    "pods",
    "statefulsets",
)
HOST = "/host"


@dataclass(frozen=True, kw_only=True)
class StateMetricsArgs:
    """`engines`: the training engines of this environment, whose objects it watches."""

    namespace: pulumi.Input[str]
    sources: Sources
    engines: Sequence[EngineFacts] = ()


def label_allowlist() -> list[str]:
    """Which labels of which objects kube-state-metrics shows; without it, none."""
    wanted = ",".join((NAME_LABEL, COMPONENT_LABEL, TEAM_LABEL))
    return [f"{resource}=[{wanted}]" for resource in LABELLED] + ["nodes=[ml-platform/node-pool]"]


def state_metrics_pod(sources: Sources, engines: Sequence[EngineFacts]) -> core.PodSpecArgsDict:
    resources = sorted(resource for group in access.OBSERVED.values() for resource in group)
    main = platform_container(
        STATE_METRICS,
        sources.image(STATE_METRICS),
        f"--port={STATE_PORT}",
        f"--telemetry-port={STATE_TELEMETRY_PORT}",
        f"--resources={','.join(resources)}",
        f"--metric-labels-allowlist={','.join(label_allowlist())}",
        *([f"--custom-resource-state-config={json.dumps(state_config(engines))}"] if operated(engines) else []),
        cpu="20m",
        memory="128Mi",
        port=(PROGRAM, STATE_PORT),
    )
    main["readiness_probe"] = {"http_get": {"path": "/readyz", "port": STATE_TELEMETRY_PORT}, "period_seconds": 2}
    main["liveness_probe"] = {"http_get": {"path": "/livez", "port": PROGRAM}, "period_seconds": 15}
    return platform_pod(main, service_account=STATE_METRICS, token=True)


class StateMetrics(pulumi.ComponentResource):
    """What the API server knows of pods, Jobs, Deployments, quotas and nodes, as metrics."""

    def __init__(self, name: str, args: StateMetricsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:monitoring:StateMetrics", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        metadata: meta.ObjectMetaArgsDict = {
            "name": STATE_METRICS,
            "namespace": args.namespace,
            "labels": labels(STATE_METRICS),
        }
        cluster_metadata: meta.ObjectMetaArgsDict = {"name": STATE_ROLE, "labels": labels(STATE_METRICS)}
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
        )
        role = k8s.rbac.v1.ClusterRole(
            f"{name}-role", metadata=cluster_metadata, rules=access.state_rules(args.engines), opts=child
        )
        binding = k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-role-binding",
            metadata=cluster_metadata,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": STATE_ROLE},
            subjects=[{"kind": "ServiceAccount", "name": STATE_METRICS, "namespace": args.namespace}],
            opts=child,
        )
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata,
            spec={
                "replicas": 1,
                "selector": {"match_labels": selector(STATE_METRICS)},
                "template": {
                    "metadata": {"labels": labels(STATE_METRICS)},
                    "spec": state_metrics_pod(args.sources, args.engines),
                },
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[account, role, binding]),
        )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class NodeExporterArgs:
    """`namespace`: one that lets pods mount folders of their node."""

    namespace: pulumi.Input[str]
    sources: Sources


def node_exporter_collectors() -> list[str]:
    """What it measures: nothing of the network, since it is not in the node's."""
    names = ("cpu", "diskstats", "filesystem", "loadavg", "meminfo", "pressure", "stat", "time", "uname", "vmstat")
    return [
        "--collector.disable-defaults",
        *(f"--collector.{name}" for name in names),
        # Of the mounts only the disks: each pod has some of its own.
        "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run|var/lib/(kubelet|containerd|docker)/.+)($|/)",
    ]


def node_exporter_pod(sources: Sources) -> core.PodSpecArgsDict:
    """A pod that reads its node's disk and kernel, and can write nothing.

    It has neither the node's network nor its processes: what is lost are the metrics of the node's network devices.
    """
    main = platform_container(
        NODE_EXPORTER,
        sources.image(NODE_EXPORTER),
        f"--path.procfs={HOST}/proc",
        f"--path.sysfs={HOST}/sys",
        f"--path.rootfs={HOST}/root",
        *node_exporter_collectors(),
        f"--web.listen-address=:{NODE_PORT}",
        cpu="10m",
        memory="50Mi",
        port=(METRICS_PORT, NODE_PORT),
    )
    main["readiness_probe"] = {"http_get": {"path": "/", "port": METRICS_PORT}, "period_seconds": 5}
    pod = platform_pod(main, service_account="default", token=False)
    folders = {"proc": "/proc", "sys": "/sys", "root": "/"}
    mounts: list[core.VolumeMountArgsDict] = [
        {"name": name, "mount_path": f"{HOST}/{name}", "read_only": True} for name in folders
    ]
    # A disk that is mounted later is seen too.
    mounts[-1]["mount_propagation"] = "HostToContainer"
    pod["volumes"] = [{"name": name, "host_path": {"path": path}} for name, path in folders.items()]
    main["volume_mounts"] = mounts
    pod["priority_class_name"] = "system-node-critical"
    # Every node, whatever it is tainted with, but none that is only simulated.
    pod["tolerations"] = [{"operator": "Exists"}]
    pod["affinity"] = {
        "node_affinity": {
            "required_during_scheduling_ignored_during_execution": {
                "node_selector_terms": [
                    {"match_expressions": [{"key": NODE_LABEL, "operator": "NotIn", "values": [SIMULATED]}]}
                ]
            }
        }
    }
    return pod


class NodeExporter(pulumi.ComponentResource):
    """CPU, memory and disks of every node, as metrics."""

    def __init__(self, name: str, args: NodeExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:monitoring:NodeExporter", name, None, opts)
        k8s.apps.v1.DaemonSet(
            f"{name}-daemon",
            metadata={
                "name": NODE_EXPORTER,
                "namespace": args.namespace,
                "labels": labels(NODE_EXPORTER),
                # Nodes come and go; a broken one must not stop a change of the whole platform.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "selector": {"match_labels": selector(NODE_EXPORTER)},
                "update_strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": "10%"}},
                "template": {"metadata": {"labels": labels(NODE_EXPORTER)}, "spec": node_exporter_pod(args.sources)},
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
