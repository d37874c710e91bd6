"""What a NetworkPolicy allows, as config and components say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

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
