"""The way from an environment's gateway to one model server: a host name and a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components.gateway import gateway
from components.gateway.gateway import Gateway
from components.labels import Owner, object_labels, selector_labels
from components.serving.server import COMPONENT, HTTP

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

SERVICE_PORT = 80


@dataclass(frozen=True, kw_only=True)
class ServerRouteArgs:
    """Requests to `host` below `path` go to the Service of the entry, which is in `namespace`.

    With `strip_path` the server sees `/predict` where clients ask for `<path>/predict`.
    """

    gateway: Gateway
    owner: Owner
    namespace: pulumi.Input[str]
    entry: str
    service: pulumi.Input[str]
    host: str
    path: str
    strip_path: bool = True
    timeout_seconds: int | None = None


def http_route_spec(args: ServerRouteArgs) -> dict[str, Any]:
    """The HTTPRoute. It is in the Service's namespace, so that no other has to grant the reference."""
    rule: dict[str, Any] = {
        "matches": [{"path": {"type": "PathPrefix", "value": args.path}}],
        "backendRefs": [
            {"group": "", "kind": "Service", "name": args.service, "port": SERVICE_PORT, "weight": 1},
        ],
    }
    if args.strip_path and args.path != "/":
        rewritten = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        rule["filters"] = [{"type": "URLRewrite", "urlRewrite": {"path": rewritten}}]
    if args.timeout_seconds is not None:
        rule["timeouts"] = {"request": f"{args.timeout_seconds}s"}
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": args.gateway.gateway,
        "namespace": args.gateway.namespace,
    }
    return {"parentRefs": [parent], "hostnames": [args.host], "rules": [rule]}


def gateway_policy_spec(entry: str, *, traffic_from: str) -> networking.NetworkPolicySpecArgsDict:
    """The NetworkPolicy that lets the proxies of a namespace ask the server, and nothing else of its pods."""
    return {
        "pod_selector": {"match_labels": selector_labels(name=entry, component=COMPONENT)},
        "policy_types": ["Ingress"],
        "ingress": [
            {
                "from_": [
                    {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": traffic_from}}},
                ],
                "ports": [{"protocol": "TCP", "port": HTTP}],
            }
        ],
    }


class ServerRoute(pulumi.ComponentResource):
    """A model server at a host name and a path of the environment's gateway."""

    url: str

    def __init__(self, name: str, args: ServerRouteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:serving:ServerRoute", name, None, opts)
        labels = object_labels(args.owner, name=args.entry, component=COMPONENT)
        k8s.apiextensions.CustomResource(
            f"{name}-route",
            api_version=gateway.API,
            kind="HTTPRoute",
            metadata={"name": args.entry, "namespace": args.namespace, "labels": labels},
            spec=http_route_spec(args),
            # Its definition comes with the gateway.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.gateway]),
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-policy",
            metadata={"name": f"{args.entry}-gateway", "namespace": args.namespace, "labels": labels},
            spec=gateway_policy_spec(args.entry, traffic_from=args.gateway.traffic_from),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = f"{args.gateway.scheme}://{args.host}{args.path.rstrip('/')}"
        self.register_outputs({"url": self.url})
