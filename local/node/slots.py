"""Which part of the address range a cluster gets: one that the machine does not route and no other cluster has."""

import ipaddress
import json
from pathlib import Path

from local import locking, process
from local.errors import Failure
from local.node.addresses import Addresses, addresses, free_slot
from local.paths import cache_folder


def routes() -> dict[ipaddress.IPv4Network, str]:
    """The networks that the machine routes, and the interfaces behind them.

    Left out are the default route and what a VPN splits it into, 0.0.0.0/1 and 128.0.0.0/1: our own routes win
    against them.
    """
    found = json.loads(process.output(["ip", "-json", "-4", "route", "show"]))
    networks = {
        ipaddress.IPv4Network(route["dst"]): route.get("dev", "nowhere") for route in found if route["dst"] != "default"
    }
    return {network: device for network, device in networks.items() if network.prefixlen > 1}


def _recorded(records: Path) -> list[ipaddress.IPv4Network]:
    """The networks of the clusters that still have the slot of which there is a record; other records go."""
    networks: list[ipaddress.IPv4Network] = []
    for record in records.glob("*"):
        if Path(record.read_text()).exists():
            networks.append(ipaddress.IPv4Network(f"{record.name}/20"))
        else:
            record.unlink()
    return networks


def of_cluster(chosen: Path) -> Addresses:
    """The addresses of the cluster whose slot the file `chosen` holds: one that was free when the file was made."""
    if not chosen.exists():
        # A cluster that is stopped, or only begins to start, has no route yet: it is known by its record alone.
        records = cache_folder() / "slots"
        with locking.waiting_for(cache_folder() / "slots.lock"):
            slot = free_slot([*routes(), *_recorded(records)])
            if slot is None:
                raise Failure(
                    "no room for another cluster in the address range",
                    "'make down' the clusters of other checkouts, or set ML_PLATFORM_CIDR to a free private /16",
                )
            chosen.parent.mkdir(parents=True, exist_ok=True)
            chosen.write_text(str(slot))
            records.mkdir(parents=True, exist_ok=True)
            (records / str(addresses(slot).link.network_address)).write_text(str(chosen))
    return addresses(int(chosen.read_text()))
