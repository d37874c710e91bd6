"""The `nodePools:` of an EKS cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from components.aws.compute import instance_types
from components.aws.compute.pools import SYSTEM_POOL
from stacks.clouds.aws.types import InstanceTypeName, ReservationId, Zone
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule, shown
from stacks.language.types import LabelValue, Name, OwnLabelKey


class NodePoolConfig(ConfigModel):
    """Machines of the same kind, and their minimum and maximum number."""

    name: Name = Field(description="Name of the pool. The pool of kind `system` is called `system`.")
    kind: Literal["system", "cpu", "gpu"] = Field(
        description="`system` for the platform's own pods, `cpu` and `gpu` for the teams'."
    )
    scaler: Literal["managed", "karpenter"] = Field(
        default="karpenter", description="An EKS managed node group, or Karpenter, which scales from zero nodes."
    )
    instance_types: Many[InstanceTypeName] = Field(description="Instance types, in order of preference.")
    capacity: Literal["on-demand", "spot", "capacity-block"] = Field(
        default="on-demand", description="Purchase option of the machines."
    )
    reservation: ReservationId | None = Field(default=None, description="Capacity reservation of the capacity block.")
    min: int = Field(default=0, ge=0, le=1000, description="Minimum number of nodes of a managed node group.")
    max: int = Field(ge=1, le=1000, description="Maximum number of nodes, which limits the cost of the pool.")
    disk: int = Field(default=100, ge=20, le=16384, description="Root volume in GiB.")
    zones: Many[Zone] = Field(
        default=(), description="Availability zones of the pool. Default: all zones of the network."
    )
    efa: bool = Field(default=False, description="Elastic Fabric Adapter on every network card.")
    placement_group: bool = Field(
        default=False, description="Whether machines are placed close to each other, in one zone."
    )
    labels: Mapping[OwnLabelKey, LabelValue] = Field(default={}, description="Additional labels of the nodes.")
    dedicated_to: Name | None = Field(
        default=None, description="Team that the nodes are dedicated to. Default: all teams."
    )

    @property
    def types(self) -> list[instance_types.InstanceType]:
        """The instance types with what is known of them."""
        return [instance_types.named(name) for name in self.instance_types]

    @rule("instanceTypes")
    def _some_type(self) -> Iterator[Fault]:
        if not self.instance_types:
            message = "no instance type; name at least one, better several of a size"
            yield Fault(path=("instanceTypes",), message=message)

    @rule()
    def _alike(self) -> Iterator[Fault]:
        types = self.types
        for index, one in enumerate(types):
            path = ("instanceTypes", index)
            if self.kind == "gpu" and not one.gpus:
                message = f"{one.name!r} has no GPU; name a type that has, such as g6.xlarge, or write kind: cpu"
                yield Fault(path=path, message=message)
            if self.kind != "gpu" and one.gpus:
                message = f"{one.name!r} has {one.gpus} GPUs, idle in a pool of kind {self.kind}; write kind: gpu"
                yield Fault(path=path, message=message)
            if one.architecture != types[0].architecture:
                message = (
                    f"{one.name!r} is {one.architecture} and {types[0].name!r} is {types[0].architecture}; "
                    "images run on one of them, so make two pools"
                )
                yield Fault(path=path, message=message)
            if one.name in [earlier.name for earlier in types[:index]]:
                yield Fault(path=path, message=f"{one.name!r} is there twice; remove one")

    @rule()
    def _size(self) -> Iterator[Fault]:
        if self.min > self.max:
            yield Fault(path=("min",), message=f"{self.min} is above max, {self.max}; write at most {self.max}")
        if self.scaler == "karpenter" and self.min:
            message = "Karpenter keeps no least number of nodes; remove the key, or write scaler: managed"
            yield Fault(path=("min",), message=message)
        if (self.kind == "system") != (self.name == SYSTEM_POOL):
            message = (
                f"{shown(self.name)}: the pool of kind system, and no other, is called {SYSTEM_POOL}; "
                "write another name or another kind"
            )
            yield Fault(path=("name",), message=message)
        if self.kind != "system":
            return
        if self.dedicated_to is not None:
            message = "the platform's own pods run on the system pool; remove the key, or make another pool"
            yield Fault(path=("dedicatedTo",), message=message)
        if self.scaler != "managed":
            message = "Karpenter itself runs on the system pool; write scaler: managed"
            yield Fault(path=("scaler",), message=message)
        elif self.min < 1:
            yield Fault(path=("min",), message="the system pool must never be empty; write at least 1, better 2")
        if self.capacity != "on-demand":
            message = "the system pool must not be taken away; write capacity: on-demand"
            yield Fault(path=("capacity",), message=message)

    @rule("capacity", "reservation")
    def _reservation(self) -> Iterator[Fault]:
        if self.capacity != "capacity-block" and self.reservation is not None:
            message = (
                f"a reservation is for capacity: capacity-block, and this pool is {self.capacity}; "
                "remove one of the two"
            )
            yield Fault(path=("reservation",), message=message)
        if self.capacity == "capacity-block" and self.reservation is None:
            message = "a capacity block has a reservation at EC2; write its id under reservation:"
            yield Fault(path=("capacity",), message=message)

    @rule("zones")
    def _zone_of_a_block(self) -> Iterator[Fault]:
        if self.capacity == "capacity-block" and len(self.zones) != 1:
            message = "a capacity block is in one zone; name it under zones:"
            yield Fault(path=("capacity",), message=message)

    @rule()
    def _type_of_a_block(self) -> Iterator[Fault]:
        if self.capacity != "capacity-block":
            return
        if len(self.instance_types) > 1:
            message = "a capacity block is of one instance type; name one"
            yield Fault(path=("instanceTypes",), message=message)
        for index, one in enumerate(self.types):
            if not one.capacity_blocks:
                message = f"EC2 sells no capacity blocks of {one.name!r}; name a p4, p5 or p6 type"
                yield Fault(path=("instanceTypes", index), message=message)

    @rule("zones")
    def _zone_of_a_group(self) -> Iterator[Fault]:
        if self.placement_group and len(self.zones) != 1:
            message = "a placement group is in one zone; name it under zones:"
            yield Fault(path=("placementGroup",), message=message)

    @rule()
    def _network_cards(self) -> Iterator[Fault]:
        types = self.types
        for index, one in enumerate(types if self.efa else ()):
            if not one.efa:
                message = f"{one.name!r} has no EFA; name a larger type, or remove efa"
                yield Fault(path=("instanceTypes", index), message=message)
            elif one.efa != types[0].efa:
                message = (
                    f"{one.name!r} has {one.efa} network cards with EFA and {types[0].name!r} {types[0].efa}; "
                    "make two pools"
                )
                yield Fault(path=("instanceTypes", index), message=message)
