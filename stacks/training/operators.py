"""The operators of training engines."""

from __future__ import annotations

import pulumi

from components.cluster import Cluster
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


def build_operator(name: str, cluster: Cluster) -> EngineOperator:
    args = EngineOperatorArgs(sources=cluster.sources, connection=cluster.connection)
    return OPERATORS[name](name, args, pulumi.ResourceOptions(providers=[cluster.provider]))
