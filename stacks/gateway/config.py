"""The `gateway:` and `mesh:` sections of an environment, the `route:` of a server, and the rules between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Rule, shown
from stacks.language.types import ObjectName, check_path

if TYPE_CHECKING:
    from stacks.environment.config import Environment

_HOST = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)+")


def check_host(value: object) -> str:
    """A full DNS name, without a wildcard, a port or an address."""
    remedy = 'write a full DNS name in lower case, such as "vision.models.example.org"'
    if not isinstance(value, str) or not _HOST.fullmatch(value) or len(value) > 253:
        raise ValueError(f"{shown(value)} is not a host name; {remedy}")
    if re.fullmatch(r"[0-9.]+", value):
        raise ValueError(f"{shown(value)} is an address; {remedy}")
    return value


def check_route_path(value: object) -> str:
    """A path prefix as the Gateway API takes it; "/digits/" and "/digits" are the same, so the latter is kept."""
    text = check_path(value)
    if "//" in text or "%" in text or any(part in (".", "..") for part in text.split("/")):
        raise ValueError(f'{shown(value)} has "//", "." or "%" parts; write plain segments, such as "/models/digits"')
    return text.rstrip("/") or "/"


HostName = Annotated[str, Rule("host name", check_host, "a full DNS name in lower case: `vision.models.example.org`")]
RoutePath = Annotated[str, Rule("path prefix", check_route_path, "a path of plain segments: `/digits`, or `/`")]


class GatewayTls(ConfigModel):
    """The certificate that clients see."""

    secret: ObjectName = Field(description="Secret of type `kubernetes.io/tls`, for all names below the domain.")
    namespace: ObjectName | None = Field(
        default=None, description="Namespace of the Secret. Else `gateway-system`, where the gateway is."
    )


class Gateway(ConfigModel):
    """One entrance to all model servers, by host name and path (Gateway API)."""

    class_name: ObjectName = Field(description="GatewayClass, of the controller that runs on the cluster.")
    domain: HostName = Field(description="Domain of the model servers. Each team has `<team>.<domain>`.")
    tls: GatewayTls | None = Field(default=None, description="The certificate; required without `plainHttp`.")
    plain_http: bool = Field(
        default=False, description="Whether clients come without TLS, as where a load balancer before it ends TLS."
    )
    traffic_from: ObjectName | None = Field(
        default=None,
        description="Namespace of the proxies that the controller starts. Else `gateway-system`.",
    )
    install_crds: bool = Field(
        default=True, description="Whether to install the Gateway API. `false` where the cluster brings it."
    )

    def installs(self, cluster: str) -> Iterator[str]:
        yield from super().installs(cluster)
        if self.install_crds:
            yield "gateway-api"

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if self.tls is None and not self.plain_http:
            message = "has no certificate; add tls: {secret: …}, or write plainHttp: true where TLS ends before it"
            yield Fault(path=(), message=message, untouched=(("tls",), ("plainHttp",)))
        if self.tls is not None and self.plain_http:
            yield Fault(path=("plainHttp",), message="does not go together with tls; remove one of the two")

    def host_of(self, team: str) -> str:
        """The host name that belongs to a team."""
        return f"{team}.{self.domain}"


class Route(ConfigModel):
    """Where clients outside the cluster find the server. `{}` is the team's host and the entry's name."""

    host: HostName | None = Field(default=None, description="Host name. Else `<team>.<domain>`.")
    path: RoutePath | None = Field(default=None, description="Path prefix. Else `/<name of the entry>`.")
    strip_path: bool = Field(default=True, description="Whether the server sees paths without the prefix.")
    timeout_seconds: int | None = Field(
        default=None, ge=1, le=3600, description="Seconds until a request is given up. Else the controller decides."
    )


class Mesh(ConfigModel):
    """The service mesh that the teams' pods join. Its control plane is installed by others."""

    kind: Literal["istio-ambient", "istio-sidecar", "linkerd"] = Field(description="The mesh, and how pods join it.")
    revision: ObjectName | None = Field(
        default=None, description="Revision of an Istio control plane. Else the default one."
    )
    control_plane: ObjectName | None = Field(
        default=None, description="Namespace of the control plane. Else `istio-system` or `linkerd`."
    )

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if self.kind == "linkerd" and self.revision is not None:
            message = "is a key of Istio, and Linkerd has no revisions; remove it"
            yield Fault(path=("revision",), message=message, untouched=(("kind",),))


def gateway_faults(environment: Environment) -> Iterator[Fault]:
    """Routes without a gateway, outside its domain, at the host of another team, or at a place that is taken."""
    gateway = environment.gateway
    teams = {gateway.host_of(team.name): team.name for team in environment.teams} if gateway else {}
    taken: dict[tuple[str, str], str] = {}
    for team_index, team in enumerate(environment.teams):
        for index, server in enumerate(team.serving):
            if server.route is None:
                continue
            path = ("teams", team_index, "serving", index, "route")
            if gateway is None:
                message = "needs a gateway; add gateway: {className: …, domain: …} to the environment, or remove it"
                yield Fault(path=path, message=message, untouched=(("gateway",),))
                continue
            host = server.route.host or gateway.host_of(team.name)
            prefix = server.route.path or f"/{server.name}"
            if not host.endswith(f".{gateway.domain}"):
                message = f"{shown(host)} is not below the gateway's domain; end it with {f'.{gateway.domain}'!r}"
                yield Fault(path=(*path, "host"), message=message, untouched=(("gateway",),))
            elif teams.get(host, team.name) != team.name:
                message = f"{shown(host)} is the host of teams[{teams[host]}]; choose another"
                yield Fault(path=(*path, "host"), message=message, untouched=(("gateway",),))
            here = f"teams[{team.name}].serving[{server.name}]"
            owner = taken.setdefault((host, prefix), here)
            if owner != here:
                key = "path" if server.route.path else "host" if server.route.host else None
                message = f"{host}{prefix} leads to {owner} already; choose another path"
                yield Fault(path=(*path, key) if key else path, message=message, untouched=(("gateway",),))


def mesh_faults(environment: Environment) -> Iterator[Fault]:
    """Teams that say how they stand to a mesh that there is not."""
    if environment.mesh is None:
        for index, team in enumerate(environment.teams):
            if team.mesh is not None:
                message = "says nothing without a mesh; add mesh: {kind: …} to the environment, or remove the key"
                yield Fault(path=("teams", index, "mesh"), message=message, untouched=(("mesh",),))
