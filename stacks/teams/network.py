"""The `network:` of a team: what its pods may connect to, and who may connect to them, beyond what all teams have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule
from stacks.language.types import Cidr, Name, ObjectName

Port = Annotated[int, Field(ge=1, le=65535)]


class TrafficConfig(ConfigModel):
    """Connections with one peer: address ranges, or the pods of a namespace."""

    cidr: Cidr | None = Field(default=None, description="CIDRs of the peer. Network policies cannot use host names.")
    namespace: ObjectName | None = Field(default=None, description="Namespace of the peer's pods.")
    ports: Many[Port] = Field(description="Ports of the destination.")
    protocol: Literal["TCP", "UDP"] = Field(default="TCP", description="Protocol of the ports.")
    workload: Name | None = Field(
        default=None, description="Entry of the team that this applies to. Default: all pods of the team."
    )

    @rule("cidr", "namespace")
    def _a_peer(self) -> Iterator[Fault]:
        if self.cidr is None and self.namespace is None:
            remedy = "write cidr: 10.20.0.0/16 for addresses, or namespace: vision for pods"
            yield Fault(path=(), message=f"has no peer; {remedy}")
        if self.cidr is not None and self.namespace is not None:
            message = "does not go together with cidr: a peer is one or the other; make two entries of it"
            yield Fault(path=("namespace",), message=message)

    @rule("ports")
    def _some_port(self) -> Iterator[Fault]:
        if not self.ports:
            message = "is empty, which would allow nothing; name the ports, such as [5432]"
            yield Fault(path=("ports",), message=message)

    @rule()
    def _ports_once(self) -> Iterator[Fault]:
        for index, port in enumerate(self.ports):
            if port in self.ports[:index]:
                yield Fault(path=("ports", index), message=f"{port} is in the list already; remove one of the two")


class NetworkConfig(ConfigModel):
    """Connections that a team's pods may have, besides DNS and requests to servers. Both ends must allow them."""

    egress: Many[TrafficConfig] = Field(default=(), description="Connections that the team's pods may open.")
    ingress: Many[TrafficConfig] = Field(default=(), description="Connections that others may open to the team's pods.")
