"""What the node decides before it starts anything."""

from __future__ import annotations

import ipaddress
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local import paths, process
from local.errors import Failure
from local.node.embedded import EmbeddedNode
from local.paths import Instance


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a default route through a VPN and nothing else, and a checkout without clusters."""
    routes = [{"dst": "default", "dev": "eth0"}, {"dst": "0.0.0.0/1", "dev": "tun0"}]
    monkeypatch.setenv("ML_PLATFORM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ML_PLATFORM_CIDR", raising=False)
    monkeypatch.setattr(paths, "LOCAL", tmp_path)
    monkeypatch.setattr(process, "output", lambda _: json.dumps(routes))
    return tmp_path


def link_of(name: str) -> ipaddress.IPv4Network:
    return EmbeddedNode(Instance(name=name), {}).addresses.link


@pytest.mark.usefixtures("checkout")
def test_clusters_that_start_at_once_get_addresses_of_their_own() -> None:
    names = [f"cluster-{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        links = list(pool.map(link_of, names))
    assert len(set(links)) == len(names)
    # Kept from then on, as certificates and settings name them.
    assert [link_of(name) for name in names] == links
    with pytest.raises(Failure, match="no room for another cluster"):
        link_of("one-more")


def test_the_addresses_of_a_forgotten_cluster_are_free_again(checkout: Path) -> None:
    first = link_of("first")
    EmbeddedNode(Instance(name="first"), {}).forget()
    assert link_of("second") == first
    assert [record.read_text() for record in (checkout / "cache" / "slots").iterdir()] == [
        str(checkout / "second" / "node" / "slot")
    ]
