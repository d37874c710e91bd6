"""How a Service of a cluster is reached from outside: one small class for each way."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import pulumi

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core


def http_url(host: str, port: int = 80) -> str:
    """URL of a host name or an address. Port 80 is left out, an IPv6 address gets its brackets."""
    try:
        bracketed = isinstance(ip_address(host), IPv6Address)
    except ValueError:
        bracketed = False
    shown = f"[{host}]" if bracketed else host
    return f"http://{shown}" if port == 80 else f"http://{shown}:{port}"


def url_once_known(url: str | None) -> pulumi.Output[str]:
    """The URL of a Service; None where the API server gave it no address.

    Nothing is wrong with that in a preview, which may be of a Service that is not there yet: the URL is unknown then.
    """
    if url is None and not pulumi.runtime.is_dry_run():
        raise LookupError("the API server gave the Service no address")
    return pulumi.Output.from_input(cast("str", pulumi.UNKNOWN) if url is None else url)


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
        def address(spec: Any) -> pulumi.Output[str]:
            return url_once_known(http_url(spec.cluster_ip) if spec.cluster_ip else None)

        return service.spec.apply(address)


@dataclass(frozen=True, kw_only=True)
class NodeAddress:
    """A port that every node opens; `node` is the name or address of any node that clients can reach."""

    service_type: ClassVar[str] = "NodePort"
    has_to_wait: ClassVar[bool] = False
    node: str

    def url(self, service: core.Service) -> pulumi.Output[str]:
        def address(spec: Any) -> pulumi.Output[str]:
            port = spec.ports[0].node_port
            return url_once_known(http_url(self.node, port) if port else None)

        return service.spec.apply(address)


@dataclass(frozen=True)
class LoadBalancerAddress:
    """A load balancer of the cloud. Its address is known when it was provisioned, often minutes later."""

    service_type: ClassVar[str] = "LoadBalancer"
    has_to_wait: ClassVar[bool] = True

    def url(self, service: core.Service) -> pulumi.Output[str]:
        def address(status: Any) -> pulumi.Output[str]:
            ingresses = status.load_balancer.ingress if status and status.load_balancer else None
            return url_once_known(http_url(ingresses[0].hostname or ingresses[0].ip) if ingresses else None)

        return service.status.apply(address)
