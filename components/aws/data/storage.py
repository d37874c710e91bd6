"""S3 buckets for data that outlives clusters."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import s3

from components.aws import policies, tags
from components.aws.account import Account


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccessLogArgs:
    """bucket: globally unique name. days: how long access logs are kept."""

    account: Account
    bucket: str
    days: int = 365


class AccessLog(pulumi.ComponentResource):
    """The bucket that holds the access logs of the other buckets."""

    bucket: pulumi.Output[str]

    def __init__(self, name: str, args: AccessLogArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:AccessLog", name, None, opts)
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=True, protect=True)
        bucket = s3.Bucket(f"{name}-bucket", bucket=args.bucket, tags={"Name": args.bucket}, opts=kept)
        # Log delivery can write to a bucket only when it is encrypted with S3's own key.
        _guard(name, bucket, {"sse_algorithm": "AES256"}, kept)
        s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=[
                {
                    "id": "expire",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "expiration": {"days": args.days},
                }
            ],
            opts=kept,
        )
        arn = args.account.bucket(args.bucket)
        policy = s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=policies.to_json(
                policies.document(
                    policies.tls_only("DenyWithoutTls", ("s3:*",), (arn, f"{arn}/*")),
                    policies.Statement(
                        sid="AccessLogsOfThisAccount",
                        actions=("s3:PutObject",),
                        resources=(f"{arn}/*",),
                        principals={"Service": "logging.s3.amazonaws.com"},
                        conditions={"StringEquals": {"aws:SourceAccount": args.account.id}},
                    ),
                )
            ),
            opts=kept,
        )
        # Taken from the policy, so that nobody logs here before log delivery may write.
        self.bucket = policy.bucket
        self.register_outputs({"bucket": self.bucket})


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataBucketArgs:
    """bucket: globally unique name. noncurrent_days: how long an overwritten or deleted object can be restored.

    scratch_days: after how long objects expire; None keeps them. backed_up: whether AWS Backup takes it.
    """

    account: Account
    bucket: str
    key_arn: pulumi.Input[str]
    log_bucket: pulumi.Input[str]
    noncurrent_days: int = 30
    scratch_days: int | None = None
    backed_up: bool = False


class DataBucket(pulumi.ComponentResource):
    """A private, versioned bucket, encrypted with our key, that stays when its stack goes."""

    bucket: pulumi.Output[str]

    def __init__(self, name: str, args: DataBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:DataBucket", name, None, opts)
        # The locks are kept with the data: a retained bucket must stay private.
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=True, protect=True)
        backup = {tags.BACKUP: "daily"} if args.backed_up else {}
        bucket = s3.Bucket(f"{name}-bucket", bucket=args.bucket, tags={"Name": args.bucket, **backup}, opts=kept)
        # A bucket key: one call to KMS for many objects, and the bucket's ARN as the encryption context.
        _guard(name, bucket, {"sse_algorithm": "aws:kms", "kms_master_key_id": args.key_arn}, kept)
        versioning = s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=kept,
        )
        s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=_lifecycle(args),
            opts=pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(depends_on=[versioning])),
        )
        s3.BucketLogging(
            f"{name}-logging",
            bucket=bucket.id,
            target_bucket=args.log_bucket,
            target_prefix=f"{args.bucket}/",
            opts=pulumi.ResourceOptions(parent=self),
        )
        arn = args.account.bucket(args.bucket)
        s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=policies.to_json(
                policies.document(policies.tls_only("DenyWithoutTls", ("s3:*",), (arn, f"{arn}/*")))
            ),
            opts=kept,
        )
        self.bucket = bucket.id
        self.register_outputs({"bucket": self.bucket})


def _lifecycle(args: DataBucketArgs) -> list[s3.BucketLifecycleConfigurationRuleArgsDict]:
    rules: list[s3.BucketLifecycleConfigurationRuleArgsDict] = [
        {
            "id": "old-versions",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrent_version_expiration": {"noncurrent_days": args.noncurrent_days},
        },
        {
            "id": "broken-uploads",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
        },
    ]
    if args.scratch_days is not None:
        rules.append(
            {
                "id": "scratch",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "expiration": {"days": args.scratch_days},
            }
        )
    return rules


def _guard(
    name: str,
    bucket: s3.Bucket,
    encryption: s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgsDict,
    opts: pulumi.ResourceOptions,
) -> None:
    s3.BucketPublicAccessBlock(
        f"{name}-private",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    s3.BucketOwnershipControls(
        f"{name}-ownership", bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=opts
    )
    s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption",
        bucket=bucket.id,
        rules=[{"apply_server_side_encryption_by_default": encryption, "bucket_key_enabled": True}],
        opts=opts,
    )
