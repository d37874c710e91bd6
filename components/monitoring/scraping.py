"""What Prometheus reads: monitors for pods and Services, and jobs of its own for what asks who it is.

The kubelet, the API server and Kueue answer only to Prometheus' own token. A ServiceMonitor could send it too, but
then a ServiceMonitor of anybody could send it anywhere: reading files is denied to all of them, and these few targets
are in Prometheus' own config.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import namespaces
from components.labels import COMPONENT_LABEL, NAME_LABEL
from components.monitoring.names import (
    ALERTMANAGER,
    NAMESPACE,
    NODE_EXPORTER,
    NODE_NAMESPACE,
    OPERATOR,
    PROGRAM,
    PROMETHEUS,
    STATE_METRICS,
    WEB,
)
from components.serving.engines import HTTP, METRICS_PATH

# A node that only the API server knows of (cluster.simulatedNodes): nothing answers there.
NODE_LABEL = "ml-platform/node"
SIMULATED = "simulated"
ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
# Where team programs may offer metrics of their own, such as the loss of a training.
METRICS_PORT = "metrics"

# Of what cadvisor and the API server have to say, what alerts and dashboards use: a tenth of their series.
CONTAINER_SERIES = (
    "container_(cpu_usage_seconds_total|cpu_cfs_periods_total|cpu_cfs_throttled_periods_total"
    "|memory_working_set_bytes|memory_rss|memory_cache|oom_events_total"
    "|network_(receive|transmit)_(bytes|packets|packets_dropped)_total"
    "|fs_(reads|writes)_bytes_total|fs_usage_bytes|fs_limit_bytes)|machine_(cpu_cores|memory_bytes)"
)
KUBELET_SERIES = "(kubelet_(volume_stats_|certificate_manager_|running_|node_name)|process_).*"
API_SERVER_SERIES = (
    "apiserver_(request_total|request_duration_seconds_(sum|count)|current_inflight_requests"
    "|client_certificate_expiration_seconds_.*|storage_objects)|(process|workqueue_depth).*"
)


@dataclass(frozen=True, kw_only=True)
class PodTarget:
    """Pods of a platform namespace with these labels, and their port with metrics.

    With `honor_labels` the labels `namespace`, `pod` and `container` of a series are those of what it tells of, and not
    of the pod that tells it.
    """

    name: str
    namespace: str
    labels: Mapping[str, str]
    port: str
    honor_labels: bool = False


# The pods of Prometheus and Alertmanager get their labels from the operator.
OWN_TARGETS = (
    PodTarget(name=PROMETHEUS, namespace=NAMESPACE, labels={NAME_LABEL: PROMETHEUS}, port=WEB),
    PodTarget(name=ALERTMANAGER, namespace=NAMESPACE, labels={NAME_LABEL: ALERTMANAGER}, port=WEB),
    PodTarget(name=OPERATOR, namespace=NAMESPACE, labels={NAME_LABEL: OPERATOR}, port=PROGRAM),
    PodTarget(
        name=STATE_METRICS, namespace=NAMESPACE, labels={NAME_LABEL: STATE_METRICS}, port=PROGRAM, honor_labels=True
    ),
    PodTarget(name=NODE_EXPORTER, namespace=NODE_NAMESPACE, labels={NAME_LABEL: NODE_EXPORTER}, port=METRICS_PORT),
    PodTarget(name="kube-dns", namespace="kube-system", labels={"k8s-app": "kube-dns"}, port=METRICS_PORT),
)
# The exporter of `components.gpu.dcgm`, and that of NVIDIA's operator.
GPU_TARGETS = tuple(
    PodTarget(name=name, namespace=namespaces.GPU, labels=labels, port=METRICS_PORT, honor_labels=True)
    for name, labels in {
        "dcgm-exporter": {NAME_LABEL: "dcgm-exporter"},
        "nvidia-dcgm-exporter": {"app": "nvidia-dcgm-exporter"},
    }.items()
)


def _on_real_nodes() -> dict[str, Any]:
    """Drops pods of simulated nodes: they have no process, so each would be a target that is always down."""
    label = "__meta_kubernetes_node_label_" + NODE_LABEL.replace("-", "_").replace("/", "_")
    return {"action": "drop", "sourceLabels": [label], "regex": SIMULATED}


def _node_label() -> dict[str, Any]:
    # The action is said, since the API server would add it, and a refresh find the monitor changed.
    return {"action": "replace", "sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}


def _own_path() -> dict[str, Any]:
    """The path that the Service names, where it names one."""
    label = "__meta_kubernetes_service_annotation_" + re.sub(r"[-/]", "_", METRICS_PATH)
    return {"action": "replace", "sourceLabels": [label], "regex": "(.+)", "targetLabel": "__metrics_path__"}


def pod_monitor_spec(target: PodTarget) -> dict[str, Any]:
    """A PodMonitor of platform pods. The label `job` is the target's name."""
    return {
        "namespaceSelector": {"matchNames": [target.namespace]},
        "selector": {"matchLabels": dict(target.labels)},
        "attachMetadata": {"node": True},
        "podMetricsEndpoints": [
            {
                "port": target.port,
                **({"honorLabels": True} if target.honor_labels else {}),
                "relabelings": [
                    _on_real_nodes(),
                    _node_label(),
                    {"action": "replace", "targetLabel": "job", "replacement": target.name},
                ],
            }
        ],
    }


def team_monitor_spec() -> dict[str, Any]:
    """A ServiceMonitor of all model servers of the namespace that it is in."""
    return {
        "selector": {"matchLabels": {COMPONENT_LABEL: "serving"}},
        "attachMetadata": {"node": True},
        "targetLabels": [NAME_LABEL],
        "endpoints": [
            {"port": HTTP, "path": "/metrics", "relabelings": [_on_real_nodes(), _node_label(), _own_path()]}
        ],
    }


def training_monitor_spec() -> dict[str, Any]:
    """A PodMonitor of all training pods of the namespace that it is in which have a port `metrics`."""
    return {
        "selector": {"matchLabels": {COMPONENT_LABEL: "training"}},
        "attachMetadata": {"node": True},
        "podTargetLabels": [NAME_LABEL],
        "podMetricsEndpoints": [
            {"port": METRICS_PORT, "path": "/metrics", "relabelings": [_on_real_nodes(), _node_label()]}
        ],
    }


def _keep(series: str) -> list[dict[str, Any]]:
    return [{"source_labels": ["__name__"], "regex": series, "action": "keep"}]


def _with_token(*, verify: bool, server_name: str | None = None) -> dict[str, Any]:
    """HTTPS with the token of Prometheus' own account. `verify`: the server's certificate is of the cluster's
    authority.
    """
    tls: dict[str, Any] = {"ca_file": f"{ACCOUNT_FOLDER}/ca.crt"} if verify else {"insecure_skip_verify": True}
    return {
        "scheme": "https",
        "authorization": {"type": "Bearer", "credentials_file": f"{ACCOUNT_FOLDER}/token"},
        "tls_config": {**tls, **({"server_name": server_name} if server_name else {})},
    }


def _kubelet_job(name: str, path: str, series: str, *, verify: bool) -> dict[str, Any]:
    return {
        "job_name": name,
        "metrics_path": path,
        **_with_token(verify=verify),
        "kubernetes_sd_configs": [
            {"role": "node", "selectors": [{"role": "node", "label": f"{NODE_LABEL}!={SIMULATED}"}]}
        ],
        "relabel_configs": [{"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"}],
        "metric_relabel_configs": _keep(series),
    }


def _service_job(name: str, *, namespace: str, service: str, series: str | None, **how: Any) -> dict[str, Any]:
    job: dict[str, Any] = {
        "job_name": name,
        **_with_token(**how),
        "kubernetes_sd_configs": [{"role": "endpointslice", "namespaces": {"names": [namespace]}}],
        "relabel_configs": [
            {
                "source_labels": ["__meta_kubernetes_service_name", "__meta_kubernetes_endpointslice_port_name"],
                "regex": f"{service};https",
                "action": "keep",
            },
            # Not the pod's: `namespace` and `pod` of these series would say nothing.
            {"source_labels": ["__meta_kubernetes_service_name"], "target_label": "service"},
        ],
    }
    return {**job, "metric_relabel_configs": _keep(series)} if series else job


def token_jobs(*, verify_kubelets: bool, queueing: bool) -> list[dict[str, Any]]:
    """Scrape jobs of Prometheus' config, for the targets that want to know who asks.

    `verify_kubelets`: the kubelets' certificates are of the cluster's authority, as on EKS. `queueing`: there is a
    Kueue, with a certificate of its own making.
    """
    jobs = [
        _kubelet_job("kubelet", "/metrics", KUBELET_SERIES, verify=verify_kubelets),
        _kubelet_job("cadvisor", "/metrics/cadvisor", CONTAINER_SERIES, verify=verify_kubelets),
        _service_job(
            "apiserver",
            namespace="default",
            service="kubernetes",
            series=API_SERVER_SERIES,
            verify=True,
            server_name="kubernetes",
        ),
    ]
    if queueing:
        kueue = _service_job(
            "kueue",
            namespace=namespaces.QUEUEING,
            service="kueue-controller-manager-metrics-service",
            series="(kueue_|controller_runtime_(reconcile_(errors_)?total|webhook_requests_total)|workqueue_depth|process_).*",
            verify=False,
        )
        jobs.append(kueue)
    return jobs
