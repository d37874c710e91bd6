"""External Secrets of an environment: from its config to the operator, and to each team's Secrets."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.cluster import Cluster
from components.external_secrets.operator import ExternalSecrets, ExternalSecretsArgs
from components.external_secrets.rotation.service import SecretRotation, SecretRotationArgs
from components.external_secrets.team import (
    AccessKey,
    EntryKey,
    SyncedSecret,
    TeamExternalSecrets,
    TeamExternalSecretsArgs,
)
from components.labels import Owner
from stacks.external_secrets.config import ExternalSecretsConfig, aws_secrets, credentials_of
from stacks.language.images import resolve_image
from stacks.teams.config import TeamConfig
from stacks.teams.secret_values import secret_values, value_of
from stacks.teams.secrets import STORE, AwsSecret


def build_external_secrets(
    config: ExternalSecretsConfig, teams: Sequence[TeamConfig], cluster: Cluster, *, registry: str
) -> ExternalSecrets:
    """The operator, and where a team has Secrets that it makes, what rolls servers when they change."""
    opts = pulumi.ResourceOptions(providers=[cluster.provider])
    if namespaces := sorted(team.namespace_name for team in teams if aws_secrets(team)):
        image = resolve_image(config.rotation_image, registry)
        SecretRotation("secret-rotation", SecretRotationArgs(namespaces=namespaces, image=image), opts)
    return ExternalSecrets(
        "external-secrets",
        ExternalSecretsArgs(sources=cluster.sources, connection=cluster.connection, endpoint=config.endpoint),
        opts,
    )


def build_team_external_secrets(
    config: ExternalSecretsConfig,
    team: TeamConfig,
    cluster: Cluster,
    installed: ExternalSecrets,
    region: str,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> TeamExternalSecrets | None:
    """The Secrets of the team that External Secrets makes, if it has any."""
    if not (secrets := aws_secrets(team)):
        return None
    values, key = secret_values(), credentials_of(config, team)
    return TeamExternalSecrets(
        f"{team.name}-external-secrets",
        TeamExternalSecretsArgs(
            owner=Owner(team=team.name, labels=team.labels),
            namespace=namespace,
            store=STORE,
            region=region,
            secrets=[synced_secret(secret, config.refresh) for secret in secrets],
            role=cluster.secret_readers.get(team.name),
            access_key=AccessKey(
                id=value_of(team, key.access_key_id, values), secret=value_of(team, key.secret_access_key, values)
            )
            if key
            else None,
            after=installed.ready,
        ),
        opts,
    )


def synced_secret(secret: AwsSecret, refresh: int) -> SyncedSecret:
    """A Secret of the config. `refresh`: the environment's seconds between two reads."""
    return SyncedSecret(
        name=secret.name,
        keys={
            key: EntryKey(entry=source.entry, property=source.property, version=source.version)
            for key, source in secret.keys.items()
        },
        refresh_seconds=secret.refresh or refresh,
    )
