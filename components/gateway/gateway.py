"""The entrance of an environment: one Gateway through which clients outside the cluster reach model servers.

The controller that carries the traffic is the cluster's (Istio, Envoy Gateway, a cloud's); its GatewayClass is
named here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components import namespaces
from components.labels import TEAM_LABEL
from components.platform.connection import Connection
from components.platform.definitions import Definitions, DefinitionsArgs
from components.platform.operator import namespace_labels
from components.platform.sources import Sources

API = "gateway.networking.k8s.io/v1"
NAMESPACE = namespaces.GATEWAY
NAME = "ml-platform"


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A Secret of type `kubernetes.io/tls`, and the namespace it is in."""

    secret: str
    namespace: str = NAMESPACE


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """`domain`: host names below it are let in. Without `certificate` clients come by plain HTTP.

    `traffic_from` is the namespace of the proxies, which the network policies of servers let in.
    """

    class_name: str
    domain: str
    sources: Sources
    connection: Connection
    certificate: Certificate | None = None
    traffic_from: str = NAMESPACE
    install_crds: bool = True


def gateway_spec(args: GatewayArgs) -> dict[str, Any]:
    """The Gateway: one listener for all hosts of the domain, and routes from the namespaces of teams only.

    Members of a team have no right to make routes: hosts and paths are the stack's.
    """
    listener: dict[str, Any] = {
        "name": "https" if args.certificate else "http",
        "hostname": f"*.{args.domain}",
        "protocol": "HTTPS" if args.certificate else "HTTP",
        "port": 443 if args.certificate else 80,
        "allowedRoutes": {
            "kinds": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}],
            "namespaces": {
                "from": "Selector",
                "selector": {"matchExpressions": [{"key": TEAM_LABEL, "operator": "Exists"}]},
            },
        },
    }
    if args.certificate:
        reference = {
            "group": "",
            "kind": "Secret",
            "name": args.certificate.secret,
            "namespace": args.certificate.namespace,
        }
        listener["tls"] = {"mode": "Terminate", "certificateRefs": [reference]}
    return {"gatewayClassName": args.class_name, "listeners": [listener]}


def certificate_grant_spec(certificate: Certificate) -> dict[str, Any]:
    """The ReferenceGrant by which the certificate's namespace lends that one Secret to the gateways of ours."""
    return {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": NAMESPACE}],
        "to": [{"group": "", "kind": "Secret", "name": certificate.secret}],
    }


class Gateway(pulumi.ComponentResource):
    """A Gateway in a namespace of its own, to which the routes of servers attach.

    `scheme` is `https` or `http`, as clients see it.
    """

    namespace: str
    gateway: str
    domain: str
    scheme: str
    traffic_from: str

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:Gateway", name, None, opts)
        definitions: list[pulumi.Resource] = []
        if args.install_crds:
            wanted = DefinitionsArgs(manifest="gateway-api", sources=args.sources, connection=args.connection)
            definitions.append(Definitions(f"{name}-definitions", wanted, pulumi.ResourceOptions(parent=self)))
        # Proxies that a controller puts beside its gateway pass `baseline`, and not all of them `restricted`.
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": NAMESPACE, "labels": namespace_labels("gateway", "baseline")},
            opts=pulumi.ResourceOptions(parent=self),
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[*definitions, namespace])
        if args.certificate and args.certificate.namespace != NAMESPACE:
            k8s.apiextensions.CustomResource(
                f"{name}-certificate",
                # `v1` came with 1.5 of the Gateway API; clusters that bring an older one know this version too.
                api_version="gateway.networking.k8s.io/v1beta1",
                kind="ReferenceGrant",
                metadata={"name": f"{NAME}-gateway", "namespace": args.certificate.namespace},
                spec=certificate_grant_spec(args.certificate),
                opts=after,
            )
        k8s.apiextensions.CustomResource(
            f"{name}-gateway",
            api_version=API,
            kind="Gateway",
            metadata={"name": NAME, "namespace": NAMESPACE},
            spec=gateway_spec(args),
            opts=after,
        )
        self.namespace = NAMESPACE
        self.gateway = NAME
        self.domain = args.domain
        self.scheme = "https" if args.certificate else "http"
        self.traffic_from = args.traffic_from
        self.register_outputs({"domain": self.domain})
