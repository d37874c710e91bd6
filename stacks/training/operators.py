"""The operators of training engines."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi

from components.cluster import Cluster
from components.training.engines import operators_of
from components.training.operators.trainer import Trainer, TrainerArgs


def build_operators(kinds: Iterable[str], cluster: Cluster) -> dict[str, Trainer]:
    """The operators that these kinds of trainings need, by name."""
    opts = pulumi.ResourceOptions(providers=[cluster.provider])
    operators: dict[str, Trainer] = {}
    for name in operators_of(kinds):
        match name:
            case "trainer":
                operators[name] = Trainer(
                    name, TrainerArgs(sources=cluster.sources, connection=cluster.connection), opts
                )
            case _:
                raise LookupError(f"engines: there is no operator {name!r}")
    return operators
