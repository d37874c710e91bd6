"""The veth pair between the machine and a node, and the machine's routes to the node's pods and services."""

import subprocess
from pathlib import Path

from local import process
from local.node.addresses import Addresses


def exists(interface: str) -> bool:
    return Path(f"/sys/class/net/{interface}").exists()


def ensure(interface: str, network: Addresses, pid: int) -> None:
    """Make what is missing of the link. `pid` is the node's first process, whose end of the pair is `eth0`."""
    if not exists(interface):
        _ip("link", "add", interface, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip("address", "replace", f"{network.host}/{network.link.prefixlen}", "dev", interface)
    _ip("link", "set", interface, "up")
    for target in (network.pods, network.services):
        _ip("route", "replace", str(target), "via", network.node, "dev", interface)


def delete(interface: str) -> None:
    if exists(interface):
        subprocess.run(["ip", "link", "delete", interface], capture_output=True, check=False)


def _ip(*words: str) -> None:
    process.output(["ip", *words])
