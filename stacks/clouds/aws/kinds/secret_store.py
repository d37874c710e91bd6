"""Secrets Manager for the teams of an environment, from its config."""

from __future__ import annotations

from collections.abc import Callable

import pulumi

from components.aws.secret_store import AccessKey, secret_store
from components.external_secrets.team import EntryKey, SecretStore
from stacks.clouds.aws.kinds.secrets import AwsSecret, AwsTeamKeys, SecretsManager
from stacks.clouds.secrets import STORE


def store_of(
    config: SecretsManager,
    team: AwsTeamKeys,
    *,
    region: str | None,
    role: pulumi.Input[str] | None,
    value: Callable[[str], pulumi.Output[str]],
) -> SecretStore:
    """The store of one team. region and role: those of the cluster's own stack, if it has them. value: of a name."""
    region = config.region or region
    if region is None:
        raise LookupError("externalSecrets.region is not said")
    key = team.aws_credentials or config.credentials
    access_key = AccessKey(id=value(key.access_key_id), secret=value(key.secret_access_key)) if key else None
    return secret_store(STORE, region, role=role, access_key=access_key)


def entries_of(secret: AwsSecret) -> dict[str, EntryKey]:
    """Where the values of a Secret are, by its keys."""
    return {
        key: EntryKey(entry=source.entry, property=source.property, version=source.version)
        for key, source in secret.keys.items()
    }
