"""What a Secret of a team is whose values are in a cloud's secret store."""

from __future__ import annotations

from pydantic import Field

from stacks.language.model import ConfigModel
from stacks.language.types import Duration, Name

# What a team's SecretStore is called, and the Secret with its access key.
STORE = "secrets-manager"


class StoreSecret(ConfigModel):
    """A Kubernetes Secret of the team, with values that External Secrets reads from a secret store."""

    name: Name = Field(description="Name of the Secret.")
    refresh: Duration | None = Field(
        default=None, description="How often the entries are read. Default: `externalSecrets.refresh`."
    )
