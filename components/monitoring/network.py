"""Which traffic the monitoring's own pods let in, and how Prometheus gets to those of teams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.labels import COMPONENT_LABEL, NAME_LABEL
from components.monitoring.names import NAMESPACE, PROMETHEUS
from components.monitoring.scraping import METRICS_PORT

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

FROM_PROMETHEUS: networking.NetworkPolicyPeerArgsDict = {
    "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": NAMESPACE}},
    "pod_selector": {"match_labels": {NAME_LABEL: PROMETHEUS}},
}
_DENY: networking.NetworkPolicySpecArgsDict = {"pod_selector": {}, "policy_types": ["Ingress"]}


def monitoring_policies() -> dict[str, networking.NetworkPolicySpecArgsDict]:
    """Of the namespace with Prometheus: its pods talk to each other, and nobody else comes in.

    People come through the API server (`kubectl port-forward`), which asks who they are; Prometheus does not.
    """
    within: networking.NetworkPolicySpecArgsDict = {
        "pod_selector": {},
        "policy_types": ["Ingress"],
        "ingress": [{"from_": [{"pod_selector": {}}]}],
    }
    return {"default-deny": _DENY, "allow-within": within}


def node_policies() -> dict[str, networking.NetworkPolicySpecArgsDict]:
    """Of the namespace with the node exporters: Prometheus reads them."""
    return {"default-deny": _DENY, "allow-prometheus": scrape_policy({})}


def scrape_policy(pods: dict[str, str]) -> networking.NetworkPolicySpecArgsDict:
    """Lets Prometheus read the port `metrics` of pods with these labels."""
    return {
        "pod_selector": {"match_labels": pods} if pods else {},
        "policy_types": ["Ingress"],
        "ingress": [{"from_": [FROM_PROMETHEUS], "ports": [{"protocol": "TCP", "port": METRICS_PORT}]}],
    }


def team_policies() -> dict[str, networking.NetworkPolicySpecArgsDict]:
    """Of a team's namespace, beside its own: servers let everybody at their port, where their metrics are too."""
    return {"allow-metrics": scrape_policy({COMPONENT_LABEL: "training"})}
