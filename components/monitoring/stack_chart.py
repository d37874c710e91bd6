"""Values of the chart kube-prometheus-stack, for clusters that take it: what it makes is what the own path makes.

Rules, monitors of teams, Alertmanager's configuration and dashboards are this project's on both paths, so the chart
brings none of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.api_names import api_names
from components.monitoring import access
from components.monitoring.exporters import label_allowlist, node_exporter_collectors
from components.monitoring.instances import Store, alertmanager_spec, prometheus_spec
from components.monitoring.names import ALERTMANAGER, NODE_EXPORTER, NODE_NAMESPACE, OPERATOR, PROMETHEUS, STATE_METRICS
from components.monitoring.training_state import operated, state_config
from components.platform.sources import Sources
from components.training.engines import EngineFacts

CHART = "kube-prometheus-stack"


def _registry(sources: Sources, registry: str) -> str:
    return sources.mirrored(registry)


def values(store: Store, sources: Sources, engines: Sequence[EngineFacts], *, grafana: bool) -> dict[str, Any]:
    """What differs from the chart's defaults. `grafana`: install it, with the dashboards that carry its label."""
    quay, kubernetes, hub = (_registry(sources, name) for name in ("quay.io", "registry.k8s.io", "docker.io"))
    off = {"enabled": False}
    return {
        "fullnameOverride": "monitoring",
        # Chart upgrades leave CRDs alone; they come before it (`Monitoring`), and change with the catalog.
        "crds": off,
        "defaultRules": {"create": False},
        # Prometheus' own jobs read what asks for its token; the operator's kubelet Service would outlive the stack.
        "kubelet": off,
        "kubeApiServer": off,
        "kubeControllerManager": off,
        "kubeScheduler": off,
        "kubeEtcd": off,
        "kubeProxy": off,
        "coreDns": off,
        "prometheusOperator": {
            "fullnameOverride": OPERATOR,
            "image": {"registry": quay},
            "prometheusConfigReloader": {"image": {"registry": quay}},
            "kubeletService": off,
            # Its certificate would need cert-manager or a job that runs as a hook; rules are checked before they
            # are installed (`make test`), and the operator checks them again.
            "admissionWebhooks": off,
            "tls": off,
        },
        "prometheus": {
            "serviceAccount": {"name": PROMETHEUS},
            "prometheusSpec": {
                **_chart_spec(prometheus_spec(store), storage="storageSpec"),
                "image": {"registry": quay},
                "additionalScrapeConfigsSecret": {"enabled": True, **_secret(prometheus_spec(store))},
                **{
                    f"{kind}SelectorNilUsesHelmValues": False
                    for kind in ("serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig")
                },
            },
        },
        "alertmanager": {
            "serviceAccount": {"name": ALERTMANAGER},
            "alertmanagerSpec": {
                **_chart_spec(alertmanager_spec(storage_class=store.storage_class), storage="storage"),
                "image": {"registry": quay},
            },
        },
        STATE_METRICS: {
            "fullnameOverride": STATE_METRICS,
            "image": {"registry": kubernetes},
            "metricLabelsAllowlist": label_allowlist(),
            **_engine_values(engines),
        },
        "prometheus-node-exporter": {
            "fullnameOverride": NODE_EXPORTER,
            "namespaceOverride": NODE_NAMESPACE,
            "image": {"registry": quay},
            "hostNetwork": False,
            "hostPID": False,
            "service": {"enabled": False},
            "extraArgs": node_exporter_collectors(),
            "prometheus": {
                "monitor": off,
                "podMonitor": {
                    "enabled": True,
                    "relabelings": [
                        {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"},
                        {"targetLabel": "job", "replacement": NODE_EXPORTER},
                    ],
                },
            },
        },
        "grafana": {
            "enabled": grafana,
            "defaultDashboardsEnabled": False,
            "image": {"registry": hub},
            "sidecar": {
                "image": {"registry": quay},
                "dashboards": {
                    "enabled": True,
                    "label": "grafana_dashboard",
                    "folderAnnotation": "grafana_folder",
                    "provider": {"foldersFromFilesStructure": True},
                },
            },
        },
    }


def _engine_values(engines: Sequence[EngineFacts]) -> dict[str, Any]:
    if not operated(engines):
        return {}
    return {
        "rbac": {"extraRules": api_names(access.engine_rules(engines))},
        "customResourceState": {"enabled": True, "config": state_config(engines)},
    }


def _chart_spec(spec: dict[str, Any], *, storage: str) -> dict[str, Any]:
    """A spec with the chart's spelling of its storage, without what the chart has another key for."""
    kept = {key: value for key, value in spec.items() if key not in ("storage", "additionalScrapeConfigs")}
    return {**kept, storage: spec["storage"]}


def _secret(spec: dict[str, Any]) -> dict[str, Any]:
    return dict(spec["additionalScrapeConfigs"])
