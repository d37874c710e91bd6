"""Entries of Secrets Manager. Their values never pass through Pulumi."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import secretsmanager

from components.aws import policies, tags
from components.aws.names import secret_name


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeamSecretArgs:
    """An empty entry: someone with the right to do so puts a value in, by the console or the CLI."""

    environment: str
    team: str
    secret: str
    key_arn: pulumi.Input[str]


class TeamSecret(pulumi.ComponentResource):
    """A place for one secret of a team, encrypted with the team's key, that can be restored for 30 days."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: TeamSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:TeamSecret", name, None, opts)
        path = secret_name(args.environment, args.team, args.secret)
        secret = secretsmanager.Secret(
            f"{name}-secret",
            name=path,
            description=f"Secret {args.secret} of team {args.team}",
            kms_key_id=args.key_arn,
            recovery_window_in_days=30,
            tags={"Name": path, **tags.of_team(args.team)},
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        secretsmanager.SecretPolicy(
            f"{name}-policy",
            secret_arn=secret.arn,
            block_public_policy=True,
            policy=policies.to_json(
                policies.document(
                    policies.tls_only("DenyWithoutTls", ("secretsmanager:GetSecretValue",), (secret.arn,))
                )
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = secret.arn
        self.register_outputs({"arn": self.arn})
