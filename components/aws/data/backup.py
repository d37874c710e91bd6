"""AWS Backup: copies of what cannot be made again, in a vault of its own."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import backup, iam

from components.aws import policies, tags
from components.aws.account import Account, managed_policy

_POLICIES = ("service-role/AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForS3Backup")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackupPlanArgs:
    """daily_days, monthly_days: how long a daily and a monthly copy are kept."""

    account: Account
    plan: str
    key_arn: pulumi.Input[str]
    daily_days: int = 35
    monthly_days: int = 365


class BackupPlan(pulumi.ComponentResource):
    """A daily and a monthly backup of everything that carries the tag `backup: daily`."""

    def __init__(self, name: str, args: BackupPlanArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:BackupPlan", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        vault = backup.Vault(
            f"{name}-vault",
            name=args.plan,
            kms_key_arn=args.key_arn,
            tags={"Name": args.plan},
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, protect=True),
        )
        plan = backup.Plan(
            f"{name}-plan",
            name=args.plan,
            rules=[
                {
                    "rule_name": "daily",
                    "target_vault_name": vault.name,
                    # UTC, and an hour in which nobody trains: AWS Backup may start up to an hour later.
                    "schedule": "cron(0 3 * * ? *)",
                    "start_window": 60,
                    "completion_window": 360,
                    "lifecycle": {"delete_after": args.daily_days},
                },
                {
                    "rule_name": "monthly",
                    "target_vault_name": vault.name,
                    "schedule": "cron(0 4 1 * ? *)",
                    "start_window": 60,
                    "completion_window": 720,
                    "lifecycle": {"delete_after": args.monthly_days},
                },
            ],
            tags={"Name": args.plan},
            opts=child,
        )
        role = iam.Role(
            f"{name}-role",
            name=f"{args.plan}-backup",
            description="AWS Backup for this environment",
            assume_role_policy=policies.to_json(policies.service_trust("backup.amazonaws.com", args.account.id)),
            opts=child,
        )
        attachments = [
            iam.RolePolicyAttachment(
                f"{name}-{policy.rpartition('/')[2]}",
                role=role.name,
                policy_arn=managed_policy(policy),
                opts=child,
            )
            for policy in _POLICIES
        ]
        backup.Selection(
            f"{name}-selection",
            name="tagged",
            plan_id=plan.id,
            iam_role_arn=role.arn,
            selection_tags=[{"type": "STRINGEQUALS", "key": tags.BACKUP, "value": "daily"}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=attachments),
        )
        self.register_outputs({})
