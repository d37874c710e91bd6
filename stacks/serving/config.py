"""The `serving:` entries of a team, a union on `kind`. Another engine is one module in `engines/` and one name here."""

from __future__ import annotations

from stacks.serving.engines.deployment import DeploymentServing

Serving = DeploymentServing
