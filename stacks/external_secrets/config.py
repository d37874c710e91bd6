"""The `externalSecrets:` section of an environment: Secrets of teams from a secret store."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from stacks.clouds.kinds import CloudSecret, SecretStoreKeys
from stacks.clouds.secrets import StoreSecret
from stacks.language.images import Image
from stacks.language.types import Duration
from stacks.teams.config import TeamConfig


class ExternalSecretsConfig(SecretStoreKeys):
    """External Secrets, which creates the Secrets of teams whose values are in a secret store, and syncs them."""

    refresh: Duration = Field(default=3600, description="How often entries are read. Each read has a cost.")
    rotation_image: Image = Field(
        default="predictor",
        description="Image that restarts servers after one of their Secrets changed: any with `python3`.",
    )

    def installs(self, cluster: str) -> Iterator[str]:
        yield from ("external-secrets", "external-secrets-crds")


def synced_secrets(team: TeamConfig) -> tuple[CloudSecret, ...]:
    """The team's Secrets that External Secrets makes."""
    return tuple(secret for secret in team.secrets if isinstance(secret, StoreSecret))
