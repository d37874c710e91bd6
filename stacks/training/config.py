"""The `training:` entries of a team, a union on `kind`: another engine is a module in `engines/` and a name here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stacks.training.engines.job import JobTraining
from stacks.training.engines.pytorch import PyTorchTraining

# The engines that need an operator.
Engine = Literal["pytorch"]
Training = Annotated[JobTraining | PyTorchTraining, Field(discriminator="kind")]
