"""How a Service of a cluster is reached from outside: one small class for each way."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import pulumi

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

T = TypeVar("T")


def http_url(host: str, port: int = 80) -> str:
    """URL of a host name or an address. Port 80 is left out, an IPv6 address gets its brackets."""
    try:
        bracketed = isinstance(ip_address(host), IPv6Address)
    except ValueError:
        bracketed = False
    shown = f"[{host}]" if bracketed else host
    return f"http://{shown}" if port == 80 else f"http://{shown}:{port}"


def known(value: T | None) -> T:
    """What the API server fills in when it makes a Service; the SDK's types do not say so."""
    if value is None:
        raise LookupError("the API server gave the Service no address")
    return value


class Exposure(Protocol):
    """A way to reach a Service.

    `service_type` is the Service's type. `has_to_wait` says whether the address is given some time after the
    Service was made, so that the program has to wait for it.
    """

    service_type: ClassVar[str]
    has_to_wait: ClassVar[bool]

    def url(self, service: core.Service) -> pulumi.Output[str]:
        """The URL of the Service's first port, without a path."""
        ...


@dataclass(frozen=True)
class ClusterAddress:
    """The Service's own address: for clients in the cluster, or on a machine with a route to its Services."""

    service_type: ClassVar[str] = "ClusterIP"
    has_to_wait: ClassVar[bool] = False

    def url(self, service: core.Service) -> pulumi.Output[str]:
        return service.spec.apply(lambda spec: http_url(known(spec.cluster_ip)))


@dataclass(frozen=True, kw_only=True)
class NodeAddress:
    """A port that every node opens; `node` is the name or address of any node that clients can reach."""

    service_type: ClassVar[str] = "NodePort"
    has_to_wait: ClassVar[bool] = False
    node: str

    def url(self, service: core.Service) -> pulumi.Output[str]:
        return service.spec.apply(lambda spec: http_url(self.node, known(known(spec.ports)[0].node_port)))


@dataclass(frozen=True)
class LoadBalancerAddress:
    """A load balancer of the cloud. Its address is known when it was provisioned, often minutes later."""

    service_type: ClassVar[str] = "LoadBalancer"
    has_to_wait: ClassVar[bool] = True

    def url(self, service: core.Service) -> pulumi.Output[str]:
        def first_ingress(status: Any) -> str:
            ingress = status.load_balancer.ingress[0]
            return http_url(ingress.hostname or ingress.ip)

        return service.status.apply(first_ingress)
