"""NVIDIA's DCGM exporter: metrics of every GPU, and of which pod has it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.gpu.counters import FILE, FOLDER, counters_file
from components.gpu.daemons import daemon_metadata, daemon_pod, gpu_nodes
from components.labels import selector_labels, service_labels
from components.platform.settings import settings_file

NAME = "dcgm-exporter"
PORT = 9400
METRICS = "metrics"


@dataclass(frozen=True, kw_only=True)
class DcgmExporterArgs:
    """`namespace`: the name of a namespace that is there."""

    namespace: pulumi.Input[str]
    image: str


class DcgmExporter(pulumi.ComponentResource):
    """Metrics of all GPUs (use, memory, Xid and ECC errors), on port `metrics` of the Service `dcgm-exporter`."""

    service: pulumi.Output[str]

    def __init__(self, name: str, args: DcgmExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:gpu:DcgmExporter", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        marks = service_labels(NAME, "gpu")
        selector = selector_labels(name=NAME, component="gpu")
        counters = settings_file(
            f"{name}-counters",
            NAME,
            file=FILE,
            text=counters_file(),
            namespace=args.namespace,
            labels=marks,
            opts=child,
        )
        pod = daemon_pod(
            {
                "name": NAME,
                "image": args.image,
                "image_pull_policy": "IfNotPresent",
                "env": [
                    {"name": "DCGM_EXPORTER_KUBERNETES", "value": "true"},
                    {"name": "DCGM_EXPORTER_LISTEN", "value": f":{PORT}"},
                    {"name": "DCGM_EXPORTER_COLLECTORS", "value": f"{FOLDER}/{FILE}"},
                    {"name": "NODE_NAME", "value_from": {"field_ref": {"field_path": "spec.nodeName"}}},
                ],
                "ports": [{"name": METRICS, "container_port": PORT, "protocol": "TCP"}],
                # It takes its time to find the GPUs, and answers only then.
                "startup_probe": {
                    "http_get": {"path": "/health", "port": METRICS},
                    "period_seconds": 5,
                    "failure_threshold": 24,
                },
                "liveness_probe": {"http_get": {"path": "/health", "port": METRICS}, "period_seconds": 15},
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi"},
                    "limits": {"cpu": "500m", "memory": "1Gi"},
                },
                "security_context": {
                    "run_as_user": 0,
                    "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]},
                },
                "volume_mounts": [
                    {"name": "pod-resources", "mount_path": "/var/lib/kubelet/pod-resources", "read_only": True},
                    {"name": "counters", "mount_path": FOLDER, "read_only": True},
                ],
            },
            gpu_nodes(),
        )
        pod["volumes"] = [
            {"name": "pod-resources", "host_path": {"path": "/var/lib/kubelet/pod-resources", "type": "Directory"}},
            {"name": "counters", "config_map": {"name": counters}},
        ]
        k8s.apps.v1.DaemonSet(
            f"{name}-daemon",
            metadata={**daemon_metadata(NAME, marks), "namespace": args.namespace},
            spec={
                "selector": {"match_labels": selector},
                "update_strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": "10%"}},
                "template": {"metadata": {"labels": marks}, "spec": pod},
            },
            opts=child,
        )
        service = k8s.core.v1.Service(
            f"{name}-service",
            metadata={**daemon_metadata(NAME, marks), "namespace": args.namespace},
            spec={
                # Without an address: each exporter is asked for itself.
                "cluster_ip": "None",
                "selector": selector,
                "ports": [{"name": METRICS, "port": PORT, "target_port": METRICS, "protocol": "TCP"}],
            },
            opts=child,
        )
        self.service = service.metadata.name
        self.register_outputs({"service": self.service})
