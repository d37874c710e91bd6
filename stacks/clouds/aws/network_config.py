"""The VPC of an EKS cluster, and how its API server is reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from pydantic import Field

from components.aws import subnets
from stacks.clouds.aws.types import SubnetId, VpcId, Zone
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule
from stacks.language.types import Cidr

Endpoint = Literal[
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticfilesystem",
    "elasticloadbalancing",
    "kms",
    "logs",
    "secretsmanager",
    "sqs",
    "ssm",
    "sts",
]
# What a node in a private subnet calls before it is ready, and what pods call all the time.
DEFAULT_ENDPOINTS: tuple[Endpoint, ...] = ("ec2", "ecr.api", "ecr.dkr", "eks-auth", "logs", "sts")


def _zone_faults(zones: tuple[str, ...]) -> Iterator[Fault]:
    if not 2 <= len(zones) <= subnets.MAX_ZONES:
        message = f"{len(zones)} zones; EKS needs two, and the subnets are planned for at most three"
        yield Fault(path=("zones",), message=message)
    for index, zone in enumerate(zones):
        if zone in zones[:index]:
            yield Fault(path=("zones", index), message=f"{zone!r} is there twice; name another zone")


class NewNetwork(ConfigModel):
    """A VPC that the stack creates."""

    kind: Literal["new"] = Field(description="A VPC that the stack creates.")
    cidr: Cidr = Field(description="Private CIDR of the VPC, /16 to /20.")
    zones: Many[Zone] = Field(
        description="Two or three availability zones. You can add a third later, at the end of the list."
    )
    nat: Literal["single", "per-zone"] = Field(
        default="single",
        description="One NAT gateway, or one in each zone, so that the failure of a zone does not affect the others.",
    )
    endpoints: Many[Endpoint] = Field(
        default=DEFAULT_ENDPOINTS,
        description="AWS services with an interface endpoint; S3 always has its free gateway.",
    )
    flow_log_days: Literal[1, 3, 7, 14, 30, 60, 90, 180, 365] = Field(
        default=30, description="Retention of flow logs in days."
    )

    @rule("zones")
    def _zones(self) -> Iterator[Fault]:
        return _zone_faults(self.zones)

    @rule()
    def _cidr(self) -> Iterator[Fault]:
        return cidr_faults(self.cidr)


class ZoneOfNetwork(ConfigModel):
    """The subnets of an existing VPC in one zone."""

    zone: Zone = Field(description="Availability zone.")
    private: SubnetId = Field(description="Subnet of nodes and pods, with outbound access through NAT.")
    intra: SubnetId = Field(description="Subnet of API server, database and file systems.")
    public: SubnetId | None = Field(default=None, description="Subnet of public load balancers.")


class ExistingNetwork(ConfigModel):
    """An existing VPC. The stack only adds Karpenter's tag to its private subnets."""

    kind: Literal["existing"] = Field(description="An existing VPC.")
    vpc: VpcId = Field(description="Id of the VPC.")
    cidr: Cidr = Field(description="CIDR of the VPC.")
    subnets: Many[ZoneOfNetwork] = Field(description="Subnets of the VPC, in two or three zones.")

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(subnet.zone for subnet in self.subnets)

    @rule("subnets")
    def _zones(self) -> Iterator[Fault]:
        for fault in _zone_faults(self.zones):
            index = fault.path[1:]
            yield replace(fault, path=("subnets", *index, "zone") if index else ("subnets",))

    @rule()
    def _subnets(self) -> Iterator[Fault]:
        seen: set[str] = set()
        for index, zone in enumerate(self.subnets):
            for tier in ("private", "intra", "public"):
                subnet = getattr(zone, tier)
                if subnet in seen:
                    message = f"{subnet!r} is there twice; each tier of each zone is a subnet of its own"
                    yield Fault(path=("subnets", index, tier), message=message)
                seen |= {subnet} - {None}


def cidr_faults(cidr: str) -> Iterator[Fault]:
    """A VPC's CIDR that cannot be split, or that is not ours to route."""
    try:
        subnets.split(cidr, ("a", "b", "c"))
    except ValueError as error:
        yield Fault(path=("cidr",), message=str(error))
        return
    if not subnets.is_private(cidr):
        message = f"{cidr} is not private; write one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
        yield Fault(path=("cidr",), message=message)
    for taken, by in subnets.TAKEN.items():
        if subnets.overlap(cidr, taken):
            message = f"{cidr} overlaps {taken}, which {by} uses; write another"
            yield Fault(path=("cidr",), message=message)


class ApiServer(ConfigModel):
    """How the Kubernetes API server is reached. Inside the VPC it is always reachable."""

    public: bool = Field(default=False, description="Whether the API server also has a public endpoint.")
    cidrs: Many[Cidr] = Field(default=(), description="CIDRs that may reach the public endpoint.")

    @rule("public", "cidrs")
    def _both_or_none(self) -> Iterator[Fault]:
        if self.public and not self.cidrs:
            yield Fault(
                path=("public",), message="a public endpoint is for some networks only; write them under cidrs:"
            )
        if self.cidrs and not self.public:
            message = "nothing reaches a private endpoint from there; write public: true, or remove the key"
            yield Fault(path=("cidrs",), message=message)

    @rule()
    def _not_the_internet(self) -> Iterator[Fault]:
        for index, cidr in enumerate(self.cidrs):
            if cidr.endswith("/0"):
                message = f"{cidr} is the whole internet; write the networks of your offices or your VPN"
                yield Fault(path=("cidrs", index), message=message)
