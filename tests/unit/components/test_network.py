"""The network policies of a team's namespace."""

from __future__ import annotations

from typing import Any

import pytest

from components.teams.network import network_policies
from components.traffic import Direction, Peer, Traffic

ALWAYS = {"default-deny", "allow-dns", "allow-serving"}


def traffic(direction: Direction, *, workload: str | None = None, **peer: Any) -> Traffic:
    return Traffic(direction=direction, peer=Peer(**peer), ports=[5432], workload=workload)


def test_a_team_that_declares_nothing_has_dns_and_its_servers() -> None:
    assert set(network_policies()) == ALWAYS


def test_egress_of_all_pods() -> None:
    policies = network_policies([traffic("egress", cidr="10.20.0.0/16")])
    assert set(policies) == {*ALWAYS, "allow-declared"}
    assert policies["allow-declared"] == {
        "pod_selector": {},
        "policy_types": ["Egress"],
        "egress": [{"to": [{"ip_block": {"cidr": "10.20.0.0/16"}}], "ports": [{"protocol": "TCP", "port": 5432}]}],
    }


def test_both_directions_of_one_workload() -> None:
    declared = [
        traffic("egress", workload="digits", namespace="vision"),
        traffic("ingress", workload="digits", cidr="10.0.0.0/8"),
        traffic("ingress", workload="letters", namespace="vision"),
    ]
    policies = network_policies(declared)
    assert set(policies) == {*ALWAYS, "allow-declared-digits", "allow-declared-letters"}
    digits = policies["allow-declared-digits"]
    assert digits.get("policy_types") == ["Ingress", "Egress"]
    assert digits.get("pod_selector") == {"match_labels": {"app.kubernetes.io/name": "digits"}}
    ports = [{"protocol": "TCP", "port": 5432}]
    namespace = {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "vision"}}}
    assert digits.get("egress") == [{"to": [namespace], "ports": ports}]
    assert digits.get("ingress") == [{"from_": [{"ip_block": {"cidr": "10.0.0.0/8"}}], "ports": ports}]
    # A direction that a policy does not name stays as it is: it must not open the other one.
    assert policies["allow-declared-letters"].get("policy_types") == ["Ingress"]


@pytest.mark.parametrize(
    ("cidr", "excepted"),
    [
        ("0.0.0.0/0", ["169.254.169.254/32"]),
        ("169.254.0.0/16", ["169.254.169.254/32"]),
        ("10.0.0.0/8", None),
        ("169.254.170.23/32", None),
    ],
)
def test_no_range_holds_the_credentials_of_the_node(cidr: str, excepted: list[str] | None) -> None:
    block = Peer(cidr=cidr).rule().get("ip_block")
    assert isinstance(block, dict)
    assert block.get("except_") == excepted


@pytest.mark.parametrize("peer", [{}, {"cidr": "10.0.0.0/8", "namespace": "vision"}])
def test_a_peer_is_a_range_or_a_namespace(peer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give one of the two"):
        Peer(**peer)
