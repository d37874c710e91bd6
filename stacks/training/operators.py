"""The operators of training engines."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi

from components.cluster import Cluster
from components.training.engines import operators_of
from components.training.operators.kubeflow_v1 import TrainingOperator
from components.training.operators.mpi import MpiOperator
from components.training.operators.operator import EngineOperator, EngineOperatorArgs
from components.training.operators.ray import KubeRay
from components.training.operators.trainer import Trainer

# By their names in the facts of the engines.
OPERATORS: dict[str, type[EngineOperator]] = {
    "trainer": Trainer,
    "training-operator": TrainingOperator,
    "mpi-operator": MpiOperator,
    "kuberay": KubeRay,
}


def build_operators(kinds: Iterable[str], cluster: Cluster) -> dict[str, EngineOperator]:
    """The operators that these kinds of trainings need, by name."""
    args = EngineOperatorArgs(sources=cluster.sources, connection=cluster.connection)
    opts = pulumi.ResourceOptions(providers=[cluster.provider])
    return {name: OPERATORS[name](name, args, opts) for name in operators_of(kinds)}
