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
    """A node taint that the pods of a workload tolerate."""

    key: LabelKey | None = Field(default=None, description="Key of the taint. Default: every taint.")
    operator: Literal["Equal", "Exists"] = Field(default="Equal", description="How key and value are compared.")
    value: LabelValue | None = Field(default=None, description="Value of the taint, with `Equal`.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint. Default: every effect."
    )

    @rule("operator", "key")
    def _key(self) -> Iterator[Fault]:
        if self.operator == "Equal" and self.key is None:
            remedy = "name the taint's key, or write operator: Exists to tolerate every taint"
            yield Fault(path=("key",), message=f"is required with operator: Equal; {remedy}")

    @rule()
    def _value(self) -> Iterator[Fault]:
        if self.operator == "Exists" and self.value is not None:
            remedy = "remove it, or write operator: Equal"
            yield Fault(path=("value",), message=f"means nothing with operator: Exists; {remedy}")


class NodeAffinity(ConfigModel):
    """Node labels, each with the values that match."""

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
    """Preferred and required nodes, and entries to share nodes with or to avoid."""

    nodes: NodeAffinity = Field(default=NodeAffinity(), description="Labels of nodes.")
    near: Many[Name] = Field(default=(), description="Serving entries to share nodes with (best effort).")
    away: Many[Name] = Field(default=(), description="Serving entries to avoid sharing nodes with (best effort).")

    @rule()
    def _near_or_away(self) -> Iterator[Fault]:
        for index, name in enumerate(self.away):
            if name in self.near:
                yield Fault(path=("away", index), message=f"{shown(name)} is under near too; remove one of the two")


class TopologySpread(ConfigModel):
    """How evenly pods are spread."""

    over: Literal["zone", "host"] = Field(description="Topology that the pods spread over.")
    max_skew: int = Field(
        default=1, ge=1, le=100, description="Largest difference in the number of pods between two domains."
    )
    required: bool = Field(default=False, description="Whether a pod stays pending rather than violate the constraint.")


class PlacementConfig(ConfigModel):
    """Where the pods of a workload run, and their priority."""

    priority: ObjectName | None = Field(
        default=None,
        description="PriorityClass of the pods. Default: `ml-platform-serving` or `ml-platform-training`.",
    )
    pool: Name | None = Field(
        default=None, description="Node pool of the pods. Required to use a pool that is dedicated to the team."
    )
    node_selector: Mapping[LabelKey, LabelValue] = Field(default={}, description="Labels that a node must have.")
    affinity: Affinity = Field(default=Affinity(), description="Affinity to nodes and to other entries.")
    topology_spread: Many[TopologySpread] = Field(
        default=(), description="How the pods spread. By default, servers spread over zones and hosts (best effort)."
    )
    tolerations: Many[Toleration] = Field(
        default=(),
        description="Taints that the pods tolerate. Pods with GPUs always tolerate the GPU taint.",
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
                message = f"{spread.over} is set twice; keep one of the two"
                yield Fault(path=("topologySpread", index, "over"), message=message)
            seen.add(spread.over)
