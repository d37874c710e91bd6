"""Addresses of an embedded cluster: a pure function from its index, so that two clusters never share one."""

import ipaddress
import os
from dataclasses import dataclass

DEFAULT_RANGE = "10.213.0.0/16"
CLUSTER_DOMAIN = "cluster.local"


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The ranges of one cluster. `link` joins the machine and the node; pods and services lie behind the node."""

    link: ipaddress.IPv4Network
    pods: ipaddress.IPv4Network
    services: ipaddress.IPv4Network

    @property
    def host(self) -> str:
        return str(self.link[1])

    @property
    def node(self) -> str:
        return str(self.link[2])

    @property
    def api_service(self) -> str:
        """The ClusterIP of `kubernetes.default`: the first one of the range, by Kubernetes' convention."""
        return str(self.services[1])

    @property
    def dns_service(self) -> str:
        return str(self.services[10])

    @property
    def server(self) -> str:
        return f"https://{self.node}:6443"


def addresses(index: int, base: str | None = None) -> Addresses:
    """The addresses of cluster number `index` (0 to 3) in `$ML_PLATFORM_CIDR`, a /16 (10.213.0.0/16).

    A quarter of the range a cluster: 4,096 pods, 4,096 services.
    """
    network = ipaddress.IPv4Network(base or os.environ.get("ML_PLATFORM_CIDR") or DEFAULT_RANGE)
    quarter = list(network.subnets(new_prefix=18))[index]
    twentieths = list(quarter.subnets(new_prefix=20))
    return Addresses(link=next(twentieths[0].subnets(new_prefix=30)), pods=twentieths[1], services=twentieths[2])
