"""Makes what the workloads of a team share: its Secrets, its way into the queue, its storages, its claims of GPUs."""

from __future__ import annotations

import pulumi

from components.gpu.claims import claim_template
from components.labels import Owner
from components.queueing.names import LOCAL_QUEUE
from components.queueing.team_queue import LocalQueue, LocalQueueArgs
from components.teams.reference import TeamReference
from components.teams.secrets import IMAGE_PULL_SECRET, TeamSecrets, TeamSecretsArgs
from components.teams.team import Team
from stacks.storage.build import TeamStorages
from stacks.teams.config import TeamConfig
from stacks.teams.secret_values import logins_of, secret_values, secrets_of
from stacks.teams.secrets import PulumiSecret
from stacks.tenancy.arguments import claimed_gpus
from stacks.tenancy.scope import Scope
from stacks.workloads.place import Queues, TeamPlace


def make_place(scope: Scope, team: TeamConfig, tenancy: Team | TeamReference) -> TeamPlace:
    """The place of a team's workloads, in its namespace on the cluster."""
    owner = Owner(team=team.name, labels=team.labels)
    child = pulumi.ResourceOptions(parent=tenancy)
    queues = _queues(scope, team, owner, tenancy)
    secrets = _secrets(team, owner, tenancy)
    namespace: pulumi.Input[str] = secrets.namespace if secrets else tenancy.namespace
    if scope.sync_secrets and (synced := scope.sync_secrets(team, namespace, child)):
        namespace = synced.namespace
    storages = TeamStorages(
        protects_data=scope.protects_data,
        object_store=scope.object_store,
        cluster=scope.cluster,
        owner=owner,
        tenancy=tenancy,
        services=scope.storage_services,
    ).build(scope.storages_of(team))
    for number in claimed_gpus(team) if scope.claims_gpus else ():
        claim_template(f"{team.name}-gpus-{number}", number, owner=owner, namespace=tenancy.namespace, opts=child)
    return TeamPlace(
        owner=owner,
        namespace=namespace,
        namespace_name=team.namespace_name,
        parent=tenancy,
        cluster=scope.cluster,
        registry=scope.registry,
        storages=storages,
        claims_gpus=scope.claims_gpus,
        protects_data=scope.protects_data,
        image_pull_secret=IMAGE_PULL_SECRET if team.image_pull else None,
        queues=queues,
        operators=scope.operators,
        gateway=scope.gateway,
        monitoring=scope.monitoring,
        slo=scope.slo,
        secret_versions=secrets.versions if secrets else {},
        changing_secrets=scope.changing_secrets(team) if scope.changing_secrets else None,
    )


def _secrets(team: TeamConfig, owner: Owner, tenancy: Team | TeamReference) -> TeamSecrets | None:
    """The Secrets of the team's config, if it has any."""
    if not team.image_pull and not any(isinstance(secret, PulumiSecret) for secret in team.secrets):
        return None
    values = secret_values()
    return TeamSecrets(
        f"{team.name}-secrets",
        TeamSecretsArgs(
            owner=owner,
            namespace=tenancy.namespace,
            secrets=secrets_of(team, values),
            logins=logins_of(team, values),
        ),
        pulumi.ResourceOptions(parent=tenancy),
    )


def _queues(scope: Scope, team: TeamConfig, owner: Owner, tenancy: Team | TeamReference) -> Queues | None:
    """The way into the team's queue, where there are queues. Kueue finds the one that another stack made."""
    if scope.queue_wait_seconds is None:
        return None
    if not scope.makes_queues:
        return Queues(name=None, wait_seconds=scope.queue_wait_seconds)
    queue = LocalQueue(
        f"{team.name}-local-queue",
        LocalQueueArgs(owner=owner, namespace=tenancy.namespace),
        pulumi.ResourceOptions(parent=tenancy),
    )
    return Queues(name=LOCAL_QUEUE, wait_seconds=scope.queue_wait_seconds, after=[queue])
