"""A bucket that a team's programs reach over HTTP, and the way to it through the team's network policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as k8s

from components.labels import COMPONENT_LABEL, Owner, object_labels
from components.storage.access import BucketAccess, TeamStorage

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

# The workloads of a team. Whatever else runs in its namespace reaches no bucket.
WORKLOADS = ("training", "serving", "backup")
# Nothing that AWS has in public is at a private address: a cluster's own network stays closed.
PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
# Where EKS hands out the credentials of a pod's role.
IDENTITY_AGENT, IDENTITY_PORT = "169.254.170.23/32", 80


def way_to_server(endpoint: str | None, *, identity: bool) -> list[networking.NetworkPolicyEgressRuleArgsDict]:
    """What pods may send to, so that they reach an S3 server: AWS where there is no `endpoint`.

    A policy knows addresses and no names, so that the server's port is open to any address, of AWS to any public one.
    """
    if endpoint is None:
        everywhere: networking.IPBlockArgsDict = {"cidr": "0.0.0.0/0", "except_": list(PRIVATE)}
        port = 443
    else:
        everywhere = {"cidr": "0.0.0.0/0"}
        url = urlsplit(endpoint)
        port = url.port or (443 if url.scheme == "https" else 80)
    rules: list[networking.NetworkPolicyEgressRuleArgsDict] = [
        {"to": [{"ip_block": everywhere}], "ports": [{"protocol": "TCP", "port": port}]}
    ]
    if identity:
        rules.append(
            {"to": [{"ip_block": {"cidr": IDENTITY_AGENT}}], "ports": [{"protocol": "TCP", "port": IDENTITY_PORT}]}
        )
    return rules


@dataclass(frozen=True, kw_only=True)
class BucketStorageArgs:
    """The storage `storage` of a team, and the rules for what its workloads may send to.

    `after` is what must be there before a workload may use it, such as the server.
    """

    owner: Owner
    namespace: pulumi.Input[str]
    storage: str
    access: BucketAccess
    egress: Sequence[networking.NetworkPolicyEgressRuleArgsDict]
    after: Sequence[pulumi.Resource] = ()


class BucketStorage(TeamStorage):
    """A part of a bucket, which all workloads of a team share."""

    def __init__(self, name: str, args: BucketStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:BucketStorage", name, None, opts)
        self.access = args.access
        # Workloads that depend on this component wait for its children, and so for what these wait for.
        k8s.networking.v1.NetworkPolicy(
            f"{name}-policy",
            metadata={
                "name": f"allow-storage-{args.storage}",
                "namespace": args.namespace,
                "labels": object_labels(args.owner, name=args.storage, component="storage"),
            },
            spec={
                "pod_selector": {
                    "match_expressions": [{"key": COMPONENT_LABEL, "operator": "In", "values": list(WORKLOADS)}]
                },
                "policy_types": ["Egress"],
                "egress": list(args.egress),
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.register_outputs({"uri": args.access.uri})
