"""Which traffic a team's pods may have: nothing, but for what is listed here.

NetworkPolicies need an engine that enforces them. EKS has one in its VPC CNI when that is switched on; the
embedded cluster has none yet, so there they are only declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.labels import COMPONENT_LABEL

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

DNS_PORT = 53


def network_policies() -> dict[str, networking.NetworkPolicySpecArgsDict]:
    """Policies of one namespace by name. They only add up: what no policy allows is denied."""
    return {
        "default-deny": {"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
        "allow-dns": {
            "pod_selector": {},
            "policy_types": ["Egress"],
            "egress": [
                {
                    "to": [
                        {
                            "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "kube-system"}},
                            "pod_selector": {"match_labels": {"k8s-app": "kube-dns"}},
                        }
                    ],
                    "ports": [
                        {"protocol": "UDP", "port": DNS_PORT},
                        # Answers that do not fit into a datagram.
                        {"protocol": "TCP", "port": DNS_PORT},
                    ],
                }
            ],
        },
        # From anywhere: clients come from other namespaces, from load balancers and from outside.
        "allow-serving": {
            "pod_selector": {"match_labels": {COMPONENT_LABEL: "serving"}},
            "policy_types": ["Ingress"],
            "ingress": [{"ports": [{"protocol": "TCP", "port": "http"}]}],
        },
    }
