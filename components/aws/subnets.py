"""One VPC CIDR split into public, private and intra subnets, a zone at a time."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Sequence

# AWS allows a VPC of /16 to /28. Below /20 a zone's private subnet has under 1,000 addresses, and every pod
# takes one.
LARGEST_PREFIX = 20
SMALLEST_PREFIX = 16
MAX_ZONES = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZoneSubnets:
    """The subnets of one availability zone, as CIDRs.

    private: nodes and pods, out through NAT. public: NAT and load balancers. intra: no way out at all; the
    API server's interfaces, databases and file systems live there.
    """

    zone: str
    private: str
    public: str
    intra: str


def split(cidr: str, zones: Sequence[str]) -> tuple[ZoneSubnets, ...]:
    """Subnets for each zone, in the order of `zones`.

    The first three quarters are the private subnets; the last quarter is cut in eight, four public and four
    intra. A zone's place depends only on its position, so that a third zone can be added without touching the
    first two. Raises ValueError for a network or a number of zones that does not fit.
    """
    network = ipaddress.IPv4Network(cidr)
    if not SMALLEST_PREFIX <= network.prefixlen <= LARGEST_PREFIX:
        raise ValueError(
            f"{cidr} is a /{network.prefixlen}; a VPC needs a /{SMALLEST_PREFIX} to /{LARGEST_PREFIX}, "
            "since each pod takes an address"
        )
    if not 1 <= len(zones) <= MAX_ZONES:
        raise ValueError(f"{len(zones)} zones; name 1 to {MAX_ZONES}")
    quarters = list(network.subnets(prefixlen_diff=2))
    eighths = list(quarters[3].subnets(prefixlen_diff=3))
    return tuple(
        ZoneSubnets(zone=zone, private=str(quarters[i]), public=str(eighths[i]), intra=str(eighths[4 + i]))
        for i, zone in enumerate(zones)
    )


# Networks that a VPC of an EKS cluster cannot have, and who uses them.
TAKEN = {
    "172.17.0.0/16": "the container runtime of Amazon's own images",
    "172.20.0.0/16": "EKS for the addresses of Services",
}
_PRIVATE = tuple(ipaddress.IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def is_private(cidr: str) -> bool:
    """Whether the network is one of RFC 1918, hence nobody else's on the internet."""
    network = ipaddress.IPv4Network(cidr)
    return any(network.subnet_of(private) for private in _PRIVATE)


def overlap(one: str, other: str) -> bool:
    """Whether two networks share an address."""
    return ipaddress.IPv4Network(one).overlaps(ipaddress.IPv4Network(other))
