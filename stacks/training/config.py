"""The `training:` entries of a team, a union on `kind`: another engine is a module in `engines/` and a name here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stacks.training.engines.job import JobTraining
from stacks.training.engines.mpi import MpiTrainingConfig
from stacks.training.engines.pytorch import PyTorchTraining
from stacks.training.engines.ray import RayTraining
from stacks.training.engines.tensorflow import TensorFlowTrainingConfig

# The engines that need an operator.
Engine = Literal["pytorch", "pytorchjob", "tensorflow", "mpi", "ray"]
Training = Annotated[
    JobTraining | PyTorchTraining | TensorFlowTrainingConfig | MpiTrainingConfig | RayTraining,
    Field(discriminator="kind"),
]


def engine_of(entry: Training) -> str:
    """The engine that runs an entry, by its name in `engines` of the environment."""
    return "pytorchjob" if isinstance(entry, PyTorchTraining) and entry.api == "pytorchjob" else entry.kind
