"""What the storages of a stack need of its cluster and its other sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stacks.clouds.config import AwsCluster, Cluster
from stacks.language.faults import Fault
from stacks.language.model import shown
from stacks.storage.config import (
    OWN_PREFIX,
    EfsStorage,
    FsxStorage,
    NfsStorage,
    ObjectStore,
    S3Storage,
    Storage,
    StorageDriver,
    VolumeStorage,
    has_claim,
)

# The EKS add-on that mounts a kind.
_ADDONS = {"efs": "aws-efs-csi-driver", "fsx": "aws-fsx-csi-driver", "s3": "aws-mountpoint-s3-csi-driver"}


def file_system_faults(storage: Storage, cluster: Cluster) -> Iterator[Fault]:
    """A storage on a file system that the cluster's stack does not make."""
    aws = cluster if isinstance(cluster, AwsCluster) else None
    match storage:
        case EfsStorage(file_system=None) if aws is None or aws.shared_files is None:
            remedy = "add cluster.sharedFiles" if aws else "name an EFS file system"
        case FsxStorage(file_system=None, provisioning="static") if aws is None or aws.lustre is None:
            remedy = "add cluster.lustre" if aws else "name a file system, dnsName and mountName"
            remedy += ", or write provisioning: dynamic"
        case _:
            return
    yield Fault(path=("storage", "fileSystem"), message=f"is required, for this stack makes none; {remedy}")


def bucket_faults(storage: Storage, cluster: Cluster) -> Iterator[Fault]:
    """A part of a bucket of the cluster's stack that no team sees, and a bucket that no service account may use."""
    if not isinstance(storage, S3Storage) or storage.bucket is None:
        return
    own = [bucket.name for bucket in cluster.buckets] if isinstance(cluster, AwsCluster) else []
    if storage.bucket in own and storage.prefix is not None and not storage.prefix.startswith(OWN_PREFIX):
        message = f"{shown(storage.prefix)} is out of reach: the role of a team sees {OWN_PREFIX} only; begin with that"
        yield Fault(path=("storage", "prefix"), message=message)
    secret = storage.credentials is not None and storage.credentials.kind == "secret"
    if cluster.kind == "local" and storage.access == "env" and not secret:
        message = "service accounts of the embedded cluster have no rights elsewhere; name a Secret, kind: secret"
        yield Fault(path=("storage", "credentials"), message=message)


def object_store_faults(storage: Storage, store: ObjectStore | None) -> Iterator[Fault]:
    """A storage on the platform's own S3 server, which is not there."""
    if isinstance(storage, S3Storage) and storage.bucket is None and store is None:
        remedy = "name one, or add objectStore: {size: …} to the environment"
        message = f"is required, for the environment has no S3 server of its own; {remedy}"
        yield Fault(path=("storage", "bucket"), message=message)


def mount_faults(storage: Storage, cluster: Cluster) -> Iterator[Fault]:
    """A storage that the cluster has nothing to mount with."""
    addon = _ADDONS.get(storage.kind)
    if isinstance(cluster, AwsCluster) and addon and has_claim(storage) and addon not in cluster.addons:
        message = f"{storage.kind} is mounted by the add-on {addon}, which cluster.addons leaves out; add it there"
        yield Fault(path=("storage", "kind"), message=message)


def nfs_faults(storage: Storage, drivers: Sequence[StorageDriver], kind: str) -> Iterator[Fault]:
    """Folders of NFS that nothing makes. kind: that of the cluster."""
    if kind == "aws" and "nfs" not in drivers and isinstance(storage, NfsStorage) and storage.provisioning == "dynamic":
        message = "needs csi-driver-nfs, which EKS does not bring; add storageDrivers: [nfs] to the environment"
        yield Fault(path=("storage", "provisioning"), message=message)


def driver_faults(drivers: Sequence[StorageDriver], kind: str) -> Iterator[Fault]:
    """Drivers that the embedded cluster cannot run. kind: that of the cluster."""
    if kind == "local" and drivers:
        message = "the embedded cluster's node cannot mount NFS, its kernel may lack it; remove the key"
        yield Fault(path=("drivers",), message=message)


def team_stack_faults(storage: Storage) -> Iterator[Fault]:
    """A storage of a team's stack, which makes objects of its namespace only: no volumes and classes."""
    if isinstance(storage, VolumeStorage):
        return
    if has_claim(storage):
        remedy = "write kind: volume with the storageClass that the environment has for it"
        message = f"{storage.kind} needs rights on the whole cluster, which a team's stack has not; {remedy}"
        yield Fault(path=("storage", "kind"), message=message)
    elif isinstance(storage, S3Storage) and storage.bucket is None:
        message = "is required in a team's stack: its environment's S3 server is out of its reach; name a bucket"
        yield Fault(path=("storage", "bucket"), message=message)
    elif isinstance(storage, S3Storage) and storage.endpoint is None and storage.region is None:
        message = "is required in a team's stack, which does not know its cluster's; write the bucket's region"
        yield Fault(path=("storage", "region"), message=message)
