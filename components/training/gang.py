"""Connections between the pods of one distributed training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking


@dataclass(frozen=True, kw_only=True)
class GangTrafficArgs:
    """`pods` are the labels of the training's pods, which no other pods have."""

    namespace: pulumi.Input[str]
    name: str
    labels: Mapping[str, str]
    pods: Mapping[str, str]


def gang_policy(pods: Mapping[str, str]) -> networking.NetworkPolicySpecArgsDict:
    """All TCP among these pods, and with no others: collectives choose their ports as they start."""
    peer: networking.NetworkPolicyPeerArgsDict = {"pod_selector": {"match_labels": dict(pods)}}
    return {
        "pod_selector": {"match_labels": dict(pods)},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [{"from_": [peer], "ports": [{"protocol": "TCP"}]}],
        "egress": [{"to": [peer], "ports": [{"protocol": "TCP"}]}],
    }


class GangTraffic(pulumi.ComponentResource):
    """Pods of one training reach each other; the team's other pods reach none of them."""

    def __init__(self, name: str, args: GangTrafficArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:training:GangTraffic", name, None, opts)
        k8s.networking.v1.NetworkPolicy(
            f"{name}-policy",
            metadata={"name": args.name, "namespace": args.namespace, "labels": dict(args.labels)},
            spec=gang_policy(args.pods),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
