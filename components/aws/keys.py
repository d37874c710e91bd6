"""Customer managed KMS keys: rotated, named, and hard to lose."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import kms

from components.aws import policies


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncryptionKeyArgs:
    """alias: without `alias/`. deletion_window_days: 7 to 30, how long a deleted key can be saved."""

    alias: str
    description: str
    policy: policies.Document
    deletion_window_days: int = 30
    tags: dict[str, str] | None = None


class EncryptionKey(pulumi.ComponentResource):
    """A symmetric key that rotates every year and is never deleted with its stack."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:EncryptionKey", name, None, opts)
        # Without its key, retained data is noise: the key outlives the stack as the data does.
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=True, protect=True)
        key = kms.Key(
            f"{name}-key",
            description=args.description,
            enable_key_rotation=True,
            deletion_window_in_days=args.deletion_window_days,
            policy=policies.to_json(args.policy),
            tags={"Name": args.alias, **(args.tags or {})},
            opts=kept,
        )
        kms.Alias(
            f"{name}-alias",
            name=f"alias/{args.alias}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})
