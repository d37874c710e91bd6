"""Connections between the pods of one distributed training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.traffic import Peer

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

# Of the API server: as its Service has it, and as it listens. A policy cannot name it otherwise.
API_PORTS = (443, 6443)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Pods of another namespace that connect to a port of the training's pods."""

    namespace: str
    labels: Mapping[str, str]
    port: int


@dataclass(frozen=True, kw_only=True)
class GangTrafficArgs:
    """`pods` are the labels of the training's pods, which no other pods have.

    `callers` may connect to them. `api_clients` are the labels of those among them that ask the API server.
    """

    namespace: pulumi.Input[str]
    name: str
    labels: Mapping[str, str]
    pods: Mapping[str, str]
    callers: Sequence[Caller] = ()
    api_clients: Mapping[str, str] | None = None


def gang_policy(pods: Mapping[str, str], callers: Sequence[Caller] = ()) -> networking.NetworkPolicySpecArgsDict:
    """All TCP among these pods, and with no others: collectives choose their ports as they start."""
    peer: networking.NetworkPolicyPeerArgsDict = {"pod_selector": {"match_labels": dict(pods)}}
    return {
        "pod_selector": {"match_labels": dict(pods)},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [
            {"from_": [peer], "ports": [{"protocol": "TCP"}]},
            *(
                {
                    "from_": [Peer(namespace=caller.namespace, labels=caller.labels).rule()],
                    "ports": [{"protocol": "TCP", "port": caller.port}],
                }
                for caller in callers
            ),
        ],
        "egress": [{"to": [peer], "ports": [{"protocol": "TCP"}]}],
    }


def api_policy(pods: Mapping[str, str]) -> networking.NetworkPolicySpecArgsDict:
    """Lets these pods ask the API server, at whatever address it is."""
    return {
        "pod_selector": {"match_labels": dict(pods)},
        "policy_types": ["Egress"],
        "egress": [
            {
                "to": [Peer(cidr="0.0.0.0/0").rule()],
                "ports": [{"protocol": "TCP", "port": port} for port in API_PORTS],
            }
        ],
    }


class GangTraffic(pulumi.ComponentResource):
    """Pods of one training reach each other; the team's other pods reach none of them."""

    def __init__(self, name: str, args: GangTrafficArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:training:GangTraffic", name, None, opts)
        policies = {"policy": (args.name, gang_policy(args.pods, args.callers))}
        if args.api_clients is not None:
            policies["api-policy"] = (f"{args.name}-api", api_policy({**args.pods, **args.api_clients}))
        for suffix, (policy, spec) in policies.items():
            k8s.networking.v1.NetworkPolicy(
                f"{name}-{suffix}",
                metadata={"name": policy, "namespace": args.namespace, "labels": dict(args.labels)},
                spec=spec,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
