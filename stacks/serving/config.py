"""The `serving:` entries of a team, a union on `kind`: another engine is a module in `engines/` and a name here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stacks.serving.engines.deployment import DeploymentServing
from stacks.serving.engines.stateful import StatefulServing
from stacks.serving.engines.tensorflow import TensorFlowServing

Serving = Annotated[DeploymentServing | TensorFlowServing | StatefulServing, Field(discriminator="kind")]
