"""The `training:` entries of a team, a union on `kind`: another engine is a module in `engines/` and a name here."""

from __future__ import annotations

from stacks.training.engines.job import JobTraining

Training = JobTraining
