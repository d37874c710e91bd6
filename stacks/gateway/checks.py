"""The rules between the `gateway:` and `mesh:` sections and the teams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stacks.gateway.config import GatewayConfig, MeshConfig
from stacks.language.faults import Fault
from stacks.language.model import shown
from stacks.serving.route import RouteConfig
from stacks.teams.config import TeamConfig


def domain_faults(gateway: GatewayConfig | None, route: RouteConfig | None) -> Iterator[Fault]:
    """A route without a gateway, or outside its domain."""
    if route is None:
        return
    if gateway is None:
        message = "needs a gateway; add gateway: {className: …, domain: …} to the environment, or remove it"
        yield Fault(path=("route",), message=message)
    elif route.host and not route.host.endswith(f".{gateway.domain}"):
        message = f"{shown(route.host)} is not below the gateway's domain; end it with {f'.{gateway.domain}'!r}"
        yield Fault(path=("route", "host"), message=message)


def place_faults(gateway: GatewayConfig | None, teams: Sequence[TeamConfig]) -> Iterator[Fault]:
    """Routes at the host of another team, or at a place that is taken."""
    hosts = {gateway.host_of(team.name): team.name for team in teams} if gateway else {}
    taken: dict[tuple[str, str], str] = {}
    for team_index, team in enumerate(teams):
        for index, server in enumerate(team.serving):
            if gateway is None or server.route is None:
                continue
            path = ("teams", team_index, "serving", index, "route")
            host = server.route.host or gateway.host_of(team.name)
            prefix = server.route.path or f"/{server.name}"
            if hosts.get(host, team.name) != team.name:
                message = f"{shown(host)} is the host of teams[{hosts[host]}]; choose another"
                yield Fault(path=(*path, "host"), message=message)
            here = f"teams[{team.name}].serving[{server.name}]"
            owner = taken.setdefault((host, prefix), here)
            if owner != here:
                key = "path" if server.route.path else "host" if server.route.host else None
                message = f"{host}{prefix} leads to {owner} already; choose another path"
                yield Fault(path=(*path, key) if key else path, message=message)


def mesh_faults(mesh: MeshConfig | None, joins: bool | None) -> Iterator[Fault]:
    """A team that says how it stands to a mesh that there is not."""
    if mesh is None and joins is not None:
        message = "says nothing without a mesh; add mesh: {kind: …} to the environment, or remove the key"
        yield Fault(path=("joins",), message=message)
