"""What one team has in AWS: an identity for its pods, a key, secrets, repositories, a folder, a budget."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import eks, iam

from components.aws import policies, tags
from components.aws.account import Account
from components.aws.budgets import MonthlyBudget, MonthlyBudgetArgs
from components.aws.data.efs import TeamFolder, TeamFolderArgs
from components.aws.data.registry import ImageRepository, ImageRepositoryArgs
from components.aws.identity import PodRole, PodRoleArgs
from components.aws.keys import EncryptionKey, EncryptionKeyArgs
from components.aws.names import reader_role, secret_name
from components.aws.secrets import TeamSecret, TeamSecretArgs


def team_prefix(team: str) -> str:
    """Where a team's objects are, in every bucket of the environment."""
    return f"teams/{team}/"


def secret_statements(
    *, account: Account, environment: str, team: str, team_key_arn: pulumi.Input[str], key_actions: tuple[str, ...]
) -> tuple[policies.Statement, ...]:
    """Reading a team's entries of Secrets Manager, and `key_actions` on its key by way of Secrets Manager alone."""
    return (
        policies.Statement(
            sid="SecretsOfTheTeam",
            actions=("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"),
            resources=(account.arn("secretsmanager", f"secret:{secret_name(environment, team, '*')}"),),
        ),
        policies.Statement(
            sid="KeyOfTheTeam",
            actions=key_actions,
            resources=(team_key_arn,),
            conditions={"StringEquals": {"kms:ViaService": f"secretsmanager.{account.region}.amazonaws.com"}},
        ),
    )


def reader_statements(
    *, account: Account, environment: str, team: str, team_key_arn: pulumi.Input[str]
) -> tuple[policies.Statement, ...]:
    """What External Secrets may do for a team: read its entries, and nothing else."""
    return secret_statements(
        account=account,
        environment=environment,
        team=team,
        team_key_arn=team_key_arn,
        key_actions=("kms:Decrypt",),
    )


def team_statements(
    *,
    account: Account,
    environment: str,
    team: str,
    buckets: tuple[str, ...],
    data_key_arn: pulumi.Input[str],
    team_key_arn: pulumi.Input[str],
    repositories: tuple[str, ...],
) -> tuple[policies.Statement, ...]:
    """What a team's pods may do: its own prefixes, secrets, keys and repositories, and nothing of another
    team.
    """
    bucket_arns = [account.bucket(bucket) for bucket in buckets]
    prefix = team_prefix(team)
    statements = [
        *secret_statements(
            account=account,
            environment=environment,
            team=team,
            team_key_arn=team_key_arn,
            key_actions=("kms:Decrypt", "kms:GenerateDataKey"),
        )
    ]
    if buckets:
        statements += [
            policies.Statement(
                sid="ListOwnPrefixes",
                actions=("s3:ListBucket",),
                resources=tuple(bucket_arns),
                conditions={"StringLike": {"s3:prefix": [prefix.rstrip("/"), f"{prefix}*"]}},
            ),
            policies.Statement(
                sid="ObjectsOfTheTeam",
                actions=(
                    "s3:AbortMultipartUpload",
                    "s3:DeleteObject",
                    "s3:GetObject",
                    "s3:ListMultipartUploadParts",
                    "s3:PutObject",
                ),
                resources=tuple(f"{arn}/{prefix}*" for arn in bucket_arns),
            ),
            policies.key_use_through_s3("KeyOfTheBuckets", data_key_arn, account.region, bucket_arns),
        ]
    if repositories:
        statements += [
            policies.Statement(
                sid="PushAndPullOwnImages",
                actions=(
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:CompleteLayerUpload",
                    "ecr:DescribeImages",
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:InitiateLayerUpload",
                    "ecr:PutImage",
                    "ecr:UploadLayerPart",
                ),
                resources=tuple(account.arn("ecr", f"repository/{r}") for r in repositories),
            ),
            policies.Statement(sid="LogInToTheRegistry", actions=("ecr:GetAuthorizationToken",), resources=("*",)),
        ]
    return tuple(statements)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeamResourcesArgs:
    """buckets: names of the environment's buckets. budget: US dollars a month, None for no budget.

    service_accounts: those of the namespace whose pods get the team's role. secrets_reader: the role of External
    Secrets, which then may take on another role of the team that reads its secrets; None where it makes none for it.
    """

    account: Account
    environment: str
    cluster: pulumi.Input[str]
    cluster_name: str
    team: str
    namespace: str
    service_accounts: tuple[str, ...] = ()
    buckets: tuple[str, ...]
    data_key_arn: pulumi.Input[str]
    file_system_id: pulumi.Input[str] | None
    images: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    secrets_reader: pulumi.Input[str] | None = None
    budget: int | None = None
    emails: tuple[str, ...] = ()


class TeamResources(pulumi.ComponentResource):
    """All that belongs to one team in AWS; adding or removing a team touches nothing of the others."""

    role_arn: pulumi.Output[str]
    reader_arn: pulumi.Output[str] | None
    repositories: dict[str, pulumi.Output[str]]
    folder: pulumi.Output[str] | None

    def __init__(self, name: str, args: TeamResourcesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:TeamResources", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        own = tags.of_team(args.team)
        key = EncryptionKey(
            f"{name}-key",
            EncryptionKeyArgs(
                alias=f"{args.cluster_name}/teams/{args.team}",
                description=f"Secrets and images of team {args.team}",
                policy=policies.key_policy(args.account.root_arn),
                tags=own,
            ),
            opts=child,
        )
        self.repositories = {
            image: ImageRepository(
                f"{name}-image-{image}",
                ImageRepositoryArgs(
                    repository=f"{args.cluster_name}/{args.team}/{image}", key_arn=key.arn, team=args.team
                ),
                opts=child,
            ).url
            for image in args.images
        }
        for secret in args.secrets:
            TeamSecret(
                f"{name}-secret-{secret}",
                TeamSecretArgs(environment=args.environment, team=args.team, secret=secret, key_arn=key.arn),
                opts=child,
            )
        self.folder = None
        if args.file_system_id is not None:
            folder = TeamFolder(
                f"{name}-folder",
                TeamFolderArgs(file_system_id=args.file_system_id, team=args.team),
                opts=child,
            )
            self.folder = folder.id
        self.role_arn = PodRole(
            f"{name}-identity",
            PodRoleArgs(
                account=args.account,
                cluster=args.cluster,
                role=f"{args.cluster_name}-team-{args.team}",
                namespace=args.namespace,
                # Which service accounts get it is said where the workloads are, maybe in the team's own
                # stack.
                service_account=None,
                statements=team_statements(
                    account=args.account,
                    environment=args.environment,
                    team=args.team,
                    buckets=args.buckets,
                    data_key_arn=args.data_key_arn,
                    team_key_arn=key.arn,
                    repositories=tuple(f"{args.cluster_name}/{args.team}/{i}" for i in args.images),
                ),
                tags=own,
            ),
            opts=child,
        ).arn
        for service_account in args.service_accounts:
            eks.PodIdentityAssociation(
                f"{name}-pods-{service_account}",
                cluster_name=args.cluster,
                namespace=args.namespace,
                service_account=service_account,
                role_arn=self.role_arn,
                tags=own,
                opts=child,
            )
        self.reader_arn = None
        if args.secrets_reader is not None:
            reader = iam.Role(
                f"{name}-reader",
                name=reader_role(args.cluster_name, args.team),
                description=f"External Secrets, for team {args.team}",
                assume_role_policy=policies.to_json(policies.role_trust(args.secrets_reader)),
                tags=own,
                opts=child,
            )
            iam.RolePolicy(
                f"{name}-reader-policy",
                name="permissions",
                role=reader.name,
                policy=policies.to_json(
                    policies.document(
                        *reader_statements(
                            account=args.account,
                            environment=args.environment,
                            team=args.team,
                            team_key_arn=key.arn,
                        )
                    )
                ),
                opts=child,
            )
            self.reader_arn = reader.arn
        if args.budget is not None:
            MonthlyBudget(
                f"{name}-budget",
                MonthlyBudgetArgs(
                    budget=f"{args.cluster_name}-team-{args.team}",
                    limit=args.budget,
                    tag=(tags.TEAM, args.team),
                    emails=args.emails,
                ),
                opts=child,
            )
        self.register_outputs({"role": self.role_arn})
