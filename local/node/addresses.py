"""Addresses of an embedded cluster: a pure function from its slot, so that two clusters never share one."""

import ipaddress
import os
from collections.abc import Iterable
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
    def whole(self) -> ipaddress.IPv4Network:
        """All of it, a /20."""
        return self.link.supernet(new_prefix=20)

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


#: How many clusters the range has room for: each gets a /20 of the /16.
SLOTS = 16


def cluster_range() -> str:
    """The /16 that all embedded clusters of this machine lie in: `$ML_PLATFORM_CIDR`, else 10.213.0.0/16."""
    return os.environ.get("ML_PLATFORM_CIDR") or DEFAULT_RANGE


def addresses(slot: int, base: str | None = None) -> Addresses:
    """The addresses of the cluster in slot `slot` (0 to 15) of `$ML_PLATFORM_CIDR`, a /16 (10.213.0.0/16).

    A quarter of its /20 for pods and one for services: a thousand of each.
    """
    network = ipaddress.IPv4Network(base or cluster_range())
    quarters = list(list(network.subnets(new_prefix=20))[slot].subnets(new_prefix=22))
    return Addresses(link=next(quarters[0].subnets(new_prefix=30)), pods=quarters[1], services=quarters[2])


def free_slot(taken: Iterable[ipaddress.IPv4Network], base: str | None = None) -> int | None:
    """The first slot that overlaps none of the networks which are taken already; None when all do."""
    taken = tuple(taken)
    for slot in range(SLOTS):
        whole = addresses(slot, base).whole
        if not any(whole.overlaps(network) for network in taken):
            return slot
    return None
