"""Names and labels that the parts of the monitoring know each other by."""

from __future__ import annotations

from components import namespaces
from components.labels import COMPONENT_LABEL, NAME_LABEL, PART_OF

API = "monitoring.coreos.com/v1"
NAMESPACE = namespaces.MONITORING
# Node exporters mount the node's disk. Their namespace lets them, and that of all else stays `restricted`.
NODE_NAMESPACE = namespaces.MONITORING_NODES
COMPONENT = "monitoring"
# The Prometheus and Alertmanager objects, and what the operator names after them.
INSTANCE = "ml-platform"
PROMETHEUS = "prometheus"
ALERTMANAGER = "alertmanager"
OPERATOR = "prometheus-operator"
STATE_METRICS = "kube-state-metrics"
NODE_EXPORTER = "node-exporter"
# What their ports are called: by the operator on what it makes, and on its own pod and that of kube-state-metrics.
WEB = "web"
PROGRAM = "http"
PROMETHEUS_PORT = 9090
ALERTMANAGER_PORT = 9093
# Cluster roles of Prometheus: what it reads of nodes and of the API server, and how it finds targets in a namespace.
READER_ROLE = "ml-platform:prometheus"
DISCOVERY_ROLE = "ml-platform:prometheus-discovery"


def selector(name: str) -> dict[str, str]:
    """The labels by which pods are found; they never change."""
    return {NAME_LABEL: name, COMPONENT_LABEL: COMPONENT}


def labels(name: str) -> dict[str, str]:
    """Labels of every object of the monitoring."""
    return {
        **selector(name),
        "app.kubernetes.io/instance": f"{name}-{COMPONENT}",
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": "pulumi",
    }
