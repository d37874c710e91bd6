"""Data is encrypted, private, and hard to lose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policy.rules.model import (
    STACKS,
    Level,
    Resource,
    ResourceRule,
    Settings,
    Stack,
    StackRule,
    in_production,
    resource_rule,
    stack_rule,
)
from policy.rules.values import UNKNOWN, differs, each, get, may_hold, no, statements, yes

BUCKET = "aws:s3/bucket:Bucket"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
RDS = ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster")
CLUSTER = "aws:eks/cluster:Cluster"
STORES = {
    "aws:rds/instance:Instance": "storageEncrypted",
    "aws:rds/cluster:Cluster": "storageEncrypted",
    "aws:efs/fileSystem:FileSystem": "encrypted",
    "aws:ebs/volume:Volume": "encrypted",
}
STATEFUL = (
    BUCKET,
    *STORES,
    "aws:fsx/lustreFileSystem:LustreFileSystem",
    "aws:kms/key:Key",
    "aws:ecr/repository:Repository",
    "aws:backup/vault:Vault",
)
BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
BACKUP_DAYS = 7
PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")


@resource_rule(
    "store-encrypted",
    types=(*STORES, "aws:ec2/launchTemplate:LaunchTemplate", "kubernetes:storage.k8s.io/v1:StorageClass"),
    level=Level.MANDATORY,
    reason="encryption cannot be turned on later without a copy of the data",
    remedy="Set storageEncrypted or encrypted to true, with kmsKeyId.",
)
def store_encrypted(store: Resource, _: Settings) -> Iterator[str]:
    """Databases, file systems, volumes and the disks of nodes are encrypted."""
    if (key := STORES.get(store.type)) and no(store.props.get(key)):
        yield f"{key} is not true."
    for mapping in each(store.props.get("blockDeviceMappings")):
        if get(mapping, "ebs") is not None and no(get(mapping, "ebs", "encrypted")):
            yield f"the disk {get(mapping, 'deviceName')} is not encrypted."
    if store.props.get("provisioner") == "ebs.csi.aws.com" and no(get(store.props, "parameters", "encrypted")):
        yield "volumes of this class are not encrypted."


def receives_access_logs(stack: Stack, bucket: Resource) -> bool:
    return bool(stack.about(bucket, "targetBucket", "aws:s3/bucketLogging:BucketLogging", key="bucket"))


@stack_rule(
    "bucket-encrypted",
    level=Level.MANDATORY,
    reason="with a key of one's own, reading needs a second permission that can be taken away",
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
    reason="training data in public is on the news",
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
    reason="S3 still answers on plain HTTP unless told otherwise",
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
    remedy="Add a BucketVersioning with status Enabled, and a lifecycle rule that ends old versions.",
)
def bucket_versioned(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every bucket but those for access logs keeps old versions, so that an overwritten model can be had back."""
    for bucket in stack.of(BUCKET):
        if receives_access_logs(stack, bucket):
            continue
        found = stack.about(bucket, "bucket", VERSIONING, key="bucket")
        statuses = [get(versioning.props, "versioningConfiguration", "status") for versioning in found]
        if not any(status in ("Enabled", UNKNOWN) for status in statuses):
            yield bucket, "versioning is not enabled."


@resource_rule(
    "kms-key-rotates",
    types=("aws:kms/key:Key",),
    level=Level.MANDATORY,
    reason="it is one flag, costs little and needs no work",
    remedy="Set enableKeyRotation to true.",
)
def kms_key_rotates(key: Resource, _: Settings) -> Iterator[str]:
    """Every symmetric KMS key rotates."""
    symmetric = key.props.get("customerMasterKeySpec") in (None, "SYMMETRIC_DEFAULT")
    if symmetric and no(key.props.get("enableKeyRotation")):
        yield "enableKeyRotation is not true."


@resource_rule(
    "eks-secrets-encrypted",
    types=(CLUSTER,),
    level=Level.MANDATORY,
    reason="Secrets of all teams lie in one database",
    remedy="Set encryptionConfig with a KMS key and resources [secrets].",
)
def eks_secrets_encrypted(cluster: Resource, _: Settings) -> Iterator[str]:
    """Kubernetes Secrets of an EKS cluster are encrypted with a KMS key."""
    if not may_hold(get(cluster.props, "encryptionConfig", "resources"), "secrets"):
        yield "encryptionConfig does not cover secrets."


@resource_rule(
    "eks-audit-log",
    types=(CLUSTER,),
    level=Level.MANDATORY,
    reason="who did what cannot be found out afterwards",
    remedy="Put api, audit and authenticator in enabledClusterLogTypes.",
)
def eks_audit_log(cluster: Resource, _: Settings) -> Iterator[str]:
    """An EKS cluster logs API calls, audit records and log-ins."""
    for wanted in ("api", "audit", "authenticator"):
        if not may_hold(cluster.props.get("enabledClusterLogTypes"), wanted):
            yield f"the {wanted} log is off."


def unguarded(resource: Resource) -> Iterator[str]:
    """Flags that guard a production resource against deletion, and are off."""
    props: Any = resource.props
    if (resource.type in RDS or resource.type == CLUSTER) and no(props.get("deletionProtection")):
        yield "deletionProtection is not true."
    if resource.type in RDS and yes(props.get("skipFinalSnapshot")):
        yield "skipFinalSnapshot is true: deleting it deletes the data."
    if resource.type == BUCKET and yes(props.get("forceDestroy")):
        yield "forceDestroy is true: deleting it deletes its objects."
    if resource.type == "aws:ecr/repository:Repository" and yes(props.get("forceDelete")):
        yield "forceDelete is true: deleting it deletes its images."


@resource_rule(
    "deletion-protection",
    types=(*RDS, CLUSTER, BUCKET, "aws:ecr/repository:Repository"),
    level=Level.MANDATORY,
    reason="a destroy in the wrong terminal must fail",
    remedy="Set deletionProtection; leave skipFinalSnapshot, forceDestroy and forceDelete off in production.",
    settings=STACKS,
)
def deletion_protection(resource: Resource, settings: Settings) -> Iterator[str]:
    """In production nothing with data can be deleted by accident."""
    if in_production(resource, settings):
        yield from unguarded(resource)


@resource_rule(
    "stateful-protected",
    types=(*STATEFUL, "kubernetes:core/v1:PersistentVolumeClaim"),
    level=Level.ADVISORY,
    reason="the engine does not tell a policy about retain_on_delete, which keeps the data too",
    remedy="Declare it with protect=True, or retain_on_delete=True.",
    settings=STACKS,
)
def stateful_protected(resource: Resource, settings: Settings) -> Iterator[str]:
    """In production a resource that holds data is protected by Pulumi."""
    if in_production(resource, settings) and not resource.protect:
        yield "protect is not set."


@resource_rule(
    "database-backed-up",
    types=RDS,
    level=Level.MANDATORY,
    reason="a dropped table is noticed after the weekend",
    remedy=f"Set backupRetentionPeriod to {BACKUP_DAYS} days or more.",
    settings=STACKS,
)
def database_backed_up(database: Resource, settings: Settings) -> Iterator[str]:
    """In production a database keeps a week of backups."""
    days = database.props.get("backupRetentionPeriod")
    if in_production(database, settings) and days is not UNKNOWN and (days or 0) < BACKUP_DAYS:
        yield f"backupRetentionPeriod is {int(days or 0)}."


RULES: tuple[ResourceRule | StackRule, ...] = (
    store_encrypted,
    bucket_encrypted,
    bucket_private,
    bucket_tls_only,
    bucket_versioned,
    kms_key_rotates,
    eks_secrets_encrypted,
    eks_audit_log,
    deletion_protection,
    stateful_protected,
    database_backed_up,
)
