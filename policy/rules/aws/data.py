"""Data in AWS is encrypted, and hard to lose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policy.graph.resources import Resource
from policy.graph.values import UNKNOWN, each, get, may_hold, no, yes
from policy.rules.aws.buckets import BUCKET
from policy.rules.model import STACKS, Level, ResourceRule, Settings, StackRule, in_production, resource_rule

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
BACKUP_DAYS = 7


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
    reason="without it nobody can find out who did what",
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
    "database-backed-up",
    types=RDS,
    level=Level.MANDATORY,
    reason="a dropped table may be noticed only after the weekend",
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
    kms_key_rotates,
    eks_secrets_encrypted,
    eks_audit_log,
    deletion_protection,
    database_backed_up,
)
