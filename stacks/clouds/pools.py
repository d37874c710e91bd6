"""A node pool as the platform knows it, whatever the stack file says of it and whoever runs the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.gpu_resources import GPU, Exclusive, Sharing, node_resources
from components.placement import POOL_LABEL


@dataclass(frozen=True, kw_only=True)
class PoolFacts:
    """A pool of alike nodes.

    path: where the stack file has it. nodes: how many there may be. gpus: of its largest node; least_gpus: of its
    smallest, where it has nodes of several sizes. product: what is known of the GPUs, for `mig_profiles`.
    team: the one that the pool is dedicated to, None for all. on_demand: nodes are started for pods that wait, by an
    autoscaler that knows whole GPUs only. labels: by which pods find the nodes, where it is not by the pool's name.
    """

    name: str
    path: tuple[str | int, ...]
    nodes: int
    gpus: int
    least_gpus: int | None = None
    product: str = ""
    instance_types: tuple[str, ...] = ()
    team: str | None = None
    on_demand: bool = False
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    sharing: Sharing = field(default_factory=Exclusive)

    @property
    def resources(self) -> Mapping[str, int]:
        """What the largest node offers of GPUs and their parts, by resource name."""
        return node_resources(self.gpus, self.sharing) if self.gpus else {}

    @property
    def whole_gpus(self) -> int:
        """GPUs of all nodes, of those that are not handed out in parts under a name of their own.

        Counted by the smallest node: a queue promises no more than there is on any of them.
        """
        least = self.gpus if self.least_gpus is None else self.least_gpus
        return self.nodes * node_resources(least, self.sharing).get(GPU, 0) if least else 0

    @property
    def node_labels(self) -> Mapping[str, str]:
        return self.labels or {POOL_LABEL: self.name}
