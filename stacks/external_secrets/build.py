"""External Secrets of an environment: from its config to the operator, and to each team's Secrets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pulumi

from components.cluster import Cluster
from components.external_secrets.operator import ExternalSecrets, ExternalSecretsArgs
from components.external_secrets.rotation.service import SecretRotation, SecretRotationArgs
from components.external_secrets.team import SyncedSecret, TeamExternalSecrets, TeamExternalSecretsArgs
from components.labels import Owner
from stacks.clouds.build import controller_environment, entries_of, store_of
from stacks.external_secrets.config import ExternalSecretsConfig, synced_secrets
from stacks.language.images import resolve_image
from stacks.teams.config import TeamConfig
from stacks.teams.secret_values import secret_values, value_of


def build_external_secrets(
    config: ExternalSecretsConfig, teams: Sequence[TeamConfig], cluster: Cluster, *, registry: str
) -> ExternalSecrets:
    """The operator, and where a team has Secrets that it makes, what rolls servers when they change."""
    opts = pulumi.ResourceOptions(providers=[cluster.provider])
    if namespaces := sorted(team.namespace_name for team in teams if synced_secrets(team)):
        image = resolve_image(config.rotation_image, registry)
        SecretRotation("secret-rotation", SecretRotationArgs(namespaces=namespaces, image=image), opts)
    return ExternalSecrets(
        "external-secrets",
        ExternalSecretsArgs(
            sources=cluster.sources, connection=cluster.connection, environment=controller_environment(config.endpoint)
        ),
        opts,
    )


def build_team_external_secrets(
    config: ExternalSecretsConfig,
    team: TeamConfig,
    cluster: Cluster,
    installed: ExternalSecrets,
    region: str | None,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> TeamExternalSecrets | None:
    """The Secrets of the team that External Secrets makes, if it has any. region: that of the cluster's own store."""
    if not (secrets := synced_secrets(team)):
        return None
    role = cluster.secret_readers.get(team.name)
    value = partial(value_of, team, values=secret_values())
    return TeamExternalSecrets(
        f"{team.name}-external-secrets",
        TeamExternalSecretsArgs(
            owner=Owner(team=team.name, labels=team.labels),
            namespace=namespace,
            store=store_of(config, team, region=region, role=role, value=value),
            secrets=[
                SyncedSecret(name=one.name, keys=entries_of(one), refresh_seconds=one.refresh or config.refresh)
                for one in secrets
            ],
            after=installed.ready,
        ),
        opts,
    )
