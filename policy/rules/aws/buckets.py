"""Buckets are encrypted, private, and keep old versions."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph.resources import Resource, Stack
from policy.graph.values import UNKNOWN, differs, each, get, no
from policy.rules.aws.documents import statements
from policy.rules.model import Level, ResourceRule, Settings, StackRule, stack_rule

BUCKET = "aws:s3/bucket:Bucket"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")


def receives_access_logs(stack: Stack, bucket: Resource) -> bool:
    return bool(stack.about(bucket, "targetBucket", "aws:s3/bucketLogging:BucketLogging", key="bucket"))


@stack_rule(
    "bucket-encrypted",
    level=Level.MANDATORY,
    reason="with a KMS key, reading needs a second permission that can be revoked",
    remedy="Add a BucketServerSideEncryptionConfiguration with sseAlgorithm aws:kms.",
)
def bucket_encrypted(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every bucket is encrypted with a KMS key; one for access logs with S3's own, as AWS demands."""
    for bucket in stack.of(BUCKET):
        found = stack.about(bucket, "bucket", ENCRYPTION, key="bucket")
        algorithms = [
            get(rule, "applyServerSideEncryptionByDefault", "sseAlgorithm")
            for configuration in found
            for rule in each(configuration.props.get("rules"))
        ]
        if not found:
            yield bucket, "no encryption with a key is configured."
        # S3 cannot deliver access logs to a bucket whose default is a KMS key.
        allowed = ("AES256",) if receives_access_logs(stack, bucket) else ("aws:kms", "aws:kms:dsse")
        for algorithm in algorithms:
            if differs(algorithm, *allowed):
                yield bucket, f"sseAlgorithm is {algorithm}, not {allowed[0]}."


def opened_to_everybody(policy: Resource) -> bool:
    return any(
        statement.get("Effect") == "Allow"
        and (statement.get("Principal") == "*" or "*" in each(get(statement.get("Principal"), "AWS")))
        and not statement.get("Condition")
        for statement in statements(policy.props.get("policy"))
    )


@stack_rule(
    "bucket-private",
    level=Level.MANDATORY,
    reason="public training data makes the news",
    remedy=f"Add a BucketPublicAccessBlock with {', '.join(BLOCKS)} all true, and no public ACL or policy.",
)
def bucket_private(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every bucket blocks public access."""
    for bucket in stack.of(BUCKET):
        blocks = stack.about(bucket, "bucket", PUBLIC_ACCESS_BLOCK, key="bucket")
        if not blocks:
            yield bucket, "no BucketPublicAccessBlock."
        for block in blocks:
            for key in BLOCKS:
                if no(block.props.get(key)):
                    yield bucket, f"{key} is not true."
        acls = [bucket, *stack.about(bucket, "bucket", "aws:s3/bucketAcl:BucketAcl", key="bucket")]
        for acl in acls:
            if acl.props.get("acl") in PUBLIC_ACLS:
                yield bucket, f"its ACL is {acl.props['acl']}."
        for policy in stack.about(bucket, "bucket", BUCKET_POLICY, key="bucket"):
            if opened_to_everybody(policy):
                yield bucket, "its policy allows everybody."


def refuses_plain_http(document: object) -> bool:
    return document is UNKNOWN or any(
        statement.get("Effect") == "Deny"
        and get(statement, "Condition", "Bool", "aws:SecureTransport") in ("false", False)
        for statement in statements(document)
    )


@stack_rule(
    "bucket-tls-only",
    level=Level.MANDATORY,
    reason="S3 answers plain HTTP by default",
    remedy="Add a BucketPolicy that denies s3 actions where aws:SecureTransport is false.",
)
def bucket_tls_only(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every bucket refuses requests without TLS."""
    for bucket in stack.of(BUCKET):
        policies = stack.about(bucket, "bucket", BUCKET_POLICY, key="bucket")
        if not any(refuses_plain_http(policy.props.get("policy")) for policy in policies):
            yield bucket, "no policy denies requests without TLS."


@stack_rule(
    "bucket-versioned",
    level=Level.ADVISORY,
    reason="a bucket for caches and scratch data needs no versions",
    remedy="Add a BucketVersioning with status Enabled, and a lifecycle rule that expires old versions.",
)
def bucket_versioned(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every bucket but those for access logs keeps old versions, so that an overwritten model can be restored."""
    for bucket in stack.of(BUCKET):
        if receives_access_logs(stack, bucket):
            continue
        found = stack.about(bucket, "bucket", VERSIONING, key="bucket")
        statuses = [get(versioning.props, "versioningConfiguration", "status") for versioning in found]
        if not any(status in ("Enabled", UNKNOWN) for status in statuses):
            yield bucket, "versioning is not enabled."


RULES: tuple[ResourceRule | StackRule, ...] = (
    bucket_encrypted,
    bucket_private,
    bucket_tls_only,
    bucket_versioned,
)
