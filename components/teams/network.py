"""Which traffic a team's pods may have: nothing, but for what is listed here.

NetworkPolicies need an engine that enforces them. The embedded cluster has one, EKS has one in its VPC CNI, which
this platform switches on; for an existing cluster `docs/security.md` says how to find out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Literal

from components.labels import COMPONENT_LABEL, NAME_LABEL

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

DNS_PORT = 53
# Clouds answer there with the credentials of the node.
METADATA = IPv4Address("169.254.169.254")

Direction = Literal["egress", "ingress"]
Protocol = Literal["TCP", "UDP"]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Who is at the other end: the addresses of `cidr`, or the pods of `namespace`, those with `labels` if any."""

    cidr: str | None = None
    namespace: str | None = None
    labels: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if (self.cidr is None) == (self.namespace is None):
            raise ValueError("a peer has a cidr or a namespace; give one of the two")

    def rule(self) -> networking.NetworkPolicyPeerArgsDict:
        """The peer as a NetworkPolicy has it. No range of addresses lets a pod ask for the node's credentials."""
        if self.cidr is not None:
            block: networking.IPBlockArgsDict = {"cidr": self.cidr}
            if METADATA in IPv4Network(self.cidr):
                block["except_"] = [f"{METADATA}/32"]
            return {"ip_block": block}
        peer: networking.NetworkPolicyPeerArgsDict = {
            "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": str(self.namespace)}}
        }
        if self.labels:
            peer["pod_selector"] = {"match_labels": dict(self.labels)}
        return peer


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Connections that pods of a team may open (`egress`) or get (`ingress`). Answers always come through.

    `ports`, at least one, are those of the pod or address that is connected to. `workload` names an entry of the
    team; without it all pods of the team are meant.
    """

    direction: Direction
    peer: Peer
    ports: Sequence[int]
    protocol: Protocol = "TCP"
    workload: str | None = None


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
            "ingress": [{"ports": [{"protocol": "TCP", "port": "http"}]}],
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
