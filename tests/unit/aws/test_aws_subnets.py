"""The split of a VPC: any network, any zones."""

from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aws import subnets

ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")


@st.composite
def networks(draw: st.DrawFn) -> str:
    """Private networks of every length that is allowed."""
    prefix = draw(st.integers(subnets.SMALLEST_PREFIX, subnets.LARGEST_PREFIX))
    address = draw(st.integers(int(ipaddress.IPv4Address("10.0.0.0")), int(ipaddress.IPv4Address("10.255.255.255"))))
    return str(ipaddress.IPv4Network((address, prefix), strict=False))


@given(networks(), st.integers(1, 3))
def test_subnets_are_within_the_network_and_apart(cidr: str, count: int) -> None:
    plan = subnets.split(cidr, ZONES[:count])
    assert [part.zone for part in plan] == list(ZONES[:count])
    parts = [ipaddress.IPv4Network(tier) for p in plan for tier in (p.private, p.public, p.intra)]
    assert all(part.subnet_of(ipaddress.IPv4Network(cidr)) for part in parts)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(parts, 2))
    # AWS keeps five addresses of each subnet and refuses any below /28.
    assert all(part.prefixlen <= 28 for part in parts)


@given(networks())
def test_another_zone_moves_none_of_the_others(cidr: str) -> None:
    assert subnets.split(cidr, ZONES)[:2] == subnets.split(cidr, ZONES[:2])


def test_a_split_as_people_read_it() -> None:
    (first, second) = subnets.split("10.40.0.0/16", ZONES[:2])
    assert (first.private, first.public, first.intra) == ("10.40.0.0/18", "10.40.192.0/21", "10.40.224.0/21")
    assert (second.private, second.public, second.intra) == ("10.40.64.0/18", "10.40.200.0/21", "10.40.232.0/21")


@pytest.mark.parametrize(
    ("cidr", "zones", "message"),
    [
        ("10.0.0.0/21", ZONES, "is a /21"),
        ("10.0.0.0/15", ZONES, "is a /15"),
        ("10.0.0.0/16", (), "0 zones"),
        ("10.0.0.0/16", (*ZONES, "eu-west-1d"), "4 zones"),
        ("10.0.0.1/16", ZONES, "host bits"),
    ],
)
def test_what_does_not_fit_is_refused(cidr: str, zones: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        subnets.split(cidr, zones)


@pytest.mark.parametrize(
    ("cidr", "private"),
    [("10.1.0.0/16", True), ("172.31.0.0/16", True), ("172.32.0.0/16", False), ("8.8.0.0/16", False)],
)
def test_private_networks(cidr: str, private: bool) -> None:
    assert subnets.is_private(cidr) is private
