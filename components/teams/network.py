"""Which traffic a team's pods may have: nothing, but for what is listed here.

NetworkPolicies need an engine that enforces them. The embedded cluster has one, EKS has one in its VPC CNI, which
this platform switches on; for an existing cluster `docs/security.md` says how to find out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from components.labels import COMPONENT_LABEL, NAME_LABEL
from components.serving.engines import HTTP
from components.traffic import Peer, Traffic

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

DNS_PORT = 53


def network_policies(declared: Iterable[Traffic] = ()) -> dict[str, networking.NetworkPolicySpecArgsDict]:
    """Policies of one namespace by name. They only add up: what no policy allows is denied."""
    declared = tuple(declared)
    workloads = sorted({traffic.workload for traffic in declared if traffic.workload})
    team_wide = tuple(traffic for traffic in declared if traffic.workload is None)
    return {
        "default-deny": {"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
        "allow-dns": {
            "pod_selector": {},
            "policy_types": ["Egress"],
            "egress": [
                {
                    "to": [Peer(namespace="kube-system", labels={"k8s-app": "kube-dns"}).rule()],
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
            "ingress": [{"ports": [{"protocol": "TCP", "port": HTTP}]}],
        },
        **({"allow-declared": _allow({}, team_wide)} if team_wide else {}),
        **{
            f"allow-declared-{name}": _allow(
                {NAME_LABEL: name}, tuple(traffic for traffic in declared if traffic.workload == name)
            )
            for name in workloads
        },
    }


def _allow(labels: Mapping[str, str], traffic: Sequence[Traffic]) -> networking.NetworkPolicySpecArgsDict:
    opened = [entry for entry in traffic if entry.direction == "egress"]
    taken = [entry for entry in traffic if entry.direction == "ingress"]
    spec: networking.NetworkPolicySpecArgsDict = {
        "pod_selector": {"match_labels": dict(labels)} if labels else {},
        "policy_types": [*(["Ingress"] if taken else []), *(["Egress"] if opened else [])],
    }
    if taken:
        spec["ingress"] = [{"from_": [entry.peer.rule()], "ports": _ports(entry)} for entry in taken]
    if opened:
        spec["egress"] = [{"to": [entry.peer.rule()], "ports": _ports(entry)} for entry in opened]
    return spec


def _ports(traffic: Traffic) -> list[networking.NetworkPolicyPortArgsDict]:
    return [{"protocol": traffic.protocol, "port": port} for port in traffic.ports]
