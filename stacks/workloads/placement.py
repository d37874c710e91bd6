"""Where the pods of training and serving entries run, and who goes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from components.placement import POOL_LABEL
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule, shown
from stacks.language.types import LabelKey, LabelValue, Name, ObjectName


class Toleration(ConfigModel):
    """A node taint that a workload's pods bear."""

    key: LabelKey | None = Field(default=None, description="Key of the taint; without it, every taint.")
    operator: Literal["Equal", "Exists"] = Field(default="Equal", description="How key and value are compared.")
    value: LabelValue | None = Field(default=None, description="Value of the taint, with `Equal`.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint; without it, every effect."
    )

    @rule("operator", "key")
    def _key(self) -> Iterator[Fault]:
        if self.operator == "Equal" and self.key is None:
            remedy = "name the taint's key, or write operator: Exists to bear every taint"
            yield Fault(path=("key",), message=f"is required with operator: Equal; {remedy}")

    @rule()
    def _value(self) -> Iterator[Fault]:
        if self.operator == "Exists" and self.value is not None:
            remedy = "remove it, or write operator: Equal"
            yield Fault(path=("value",), message=f"means nothing with operator: Exists; {remedy}")


class NodeAffinity(ConfigModel):
    """Node labels, each with the values that it may have."""

    required: Mapping[LabelKey, Many[LabelValue]] = Field(
        default={}, description="Labels that a node must have, each with one of these values."
    )
    preferred: Mapping[LabelKey, Many[LabelValue]] = Field(
        default={}, description="Labels that a node should have, each with one of these values."
    )

    @rule()
    def _some_value(self) -> Iterator[Fault]:
        for key, labels in (("required", self.required), ("preferred", self.preferred)):
            for label, values in labels.items():
                if not values:
                    message = "has no value, which no node could meet; write at least one"
                    yield Fault(path=(key, label), message=message)


class Affinity(ConfigModel):
    """Which nodes are sought, and whose company."""

    nodes: NodeAffinity = Field(default=NodeAffinity(), description="Labels of nodes.")
    near: Many[Name] = Field(default=(), description="Serving entries whose nodes are sought, if it can be.")
    away: Many[Name] = Field(default=(), description="Serving entries whose nodes are shunned, if it can be.")

    @rule()
    def _near_or_away(self) -> Iterator[Fault]:
        for index, name in enumerate(self.away):
            if name in self.near:
                yield Fault(path=("away", index), message=f"{shown(name)} is under near too; remove one of the two")


class TopologySpread(ConfigModel):
    """How evenly pods are spread."""

    over: Literal["zone", "host"] = Field(description="What they spread over.")
    max_skew: int = Field(default=1, ge=1, le=100, description="Pods that one may have more than another.")
    required: bool = Field(default=False, description="Whether a pod waits rather than break the rule.")


class PlacementConfig(ConfigModel):
    """Where a workload's pods run and who goes first."""

    priority: ObjectName | None = Field(
        default=None,
        description="PriorityClass of the pods, by name. Else `ml-platform-serving` or `ml-platform-training`.",
    )
    pool: Name | None = Field(
        default=None, description="Node pool of the pods, by name; the only way onto one that is dedicated to the team."
    )
    node_selector: Mapping[LabelKey, LabelValue] = Field(default={}, description="Labels that a node must have.")
    affinity: Affinity = Field(default=Affinity(), description="Nodes and neighbours that are sought or shunned.")
    topology_spread: Many[TopologySpread] = Field(
        default=(), description="How the pods spread. Servers spread over zones and hosts by themselves, if it can be."
    )
    tolerations: Many[Toleration] = Field(
        default=(),
        description="Taints that the pods bear. GPU pods bear the GPU taint by themselves.",
    )

    @rule()
    def _one_pool(self) -> Iterator[Fault]:
        if self.pool is not None and POOL_LABEL in self.node_selector:
            message = f"names a node pool, and pool: {self.pool} does too; remove one of the two"
            yield Fault(path=("nodeSelector", POOL_LABEL), message=message)

    @rule()
    def _spread_once(self) -> Iterator[Fault]:
        seen: set[str] = set()
        for index, spread in enumerate(self.topology_spread):
            if spread.over in seen:
                message = f"{spread.over} is there already; keep one of the two"
                yield Fault(path=("topologySpread", index, "over"), message=message)
            seen.add(spread.over)
