"""What the storages of a stack need of its cluster and its other sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stacks.clouds.config import Cluster
from stacks.language.faults import Fault
from stacks.language.model import shown
from stacks.storage.config import (
    OWN_PREFIX,
    NfsStorage,
    ObjectStoreConfig,
    S3Storage,
    Storage,
    StorageDriver,
    VolumeStorage,
    has_claim,
)


def file_system_faults(storage: Storage, cluster: Cluster) -> Iterator[Fault]:
    """A storage on a file system that the cluster's stack does not make."""
    remedy = storage.file_system_remedy
    if remedy is not None and not cluster.makes_file_system(storage.kind):
        remedy = cluster.how_to_make_file_system(storage.kind) or remedy
        yield Fault(path=("storage", "fileSystem"), message=f"is required, for this stack makes none; {remedy}")


def bucket_faults(storage: Storage, cluster: Cluster) -> Iterator[Fault]:
    """A part of a bucket of the cluster's stack that no team sees, and a bucket that no service account may use."""
    if not isinstance(storage, S3Storage) or storage.bucket is None:
        return
    own = storage.bucket in cluster.own_buckets
    if own and storage.prefix is not None and not storage.prefix.startswith(OWN_PREFIX):
        message = f"{shown(storage.prefix)} is out of reach: the role of a team sees {OWN_PREFIX} only; begin with that"
        yield Fault(path=("storage", "prefix"), message=message)
    secret = storage.credentials is not None and storage.credentials.kind == "secret"
    if not cluster.workload_identity and storage.access == "env" and not secret:
        message = "service accounts of the embedded cluster have no rights elsewhere; name a Secret, kind: secret"
        yield Fault(path=("storage", "credentials"), message=message)


def object_store_faults(storage: Storage, store: ObjectStoreConfig | None) -> Iterator[Fault]:
    """A storage on the platform's own S3 server, which is not there."""
    if isinstance(storage, S3Storage) and storage.bucket is None and store is None:
        remedy = "name one, or add objectStore: {size: …} to the environment"
        message = f"is required, for the environment has no S3 server of its own; {remedy}"
        yield Fault(path=("storage", "bucket"), message=message)


def mount_faults(storage: Storage, cluster: Cluster) -> Iterator[Fault]:
    """A storage that the cluster has nothing to mount with."""
    if has_claim(storage) and (problem := cluster.mount_problem(storage.kind)):
        yield Fault(path=("storage", "kind"), message=problem)


def nfs_faults(storage: Storage, drivers: Sequence[StorageDriver], lacking: str | None) -> Iterator[Fault]:
    """Folders of NFS that nothing makes. lacking: what the cluster is called, where it has no such driver."""
    if lacking and "nfs" not in drivers and isinstance(storage, NfsStorage) and storage.provisioning == "dynamic":
        message = f"needs csi-driver-nfs, which {lacking} does not bring; add storageDrivers: [nfs] to the environment"
        yield Fault(path=("storage", "provisioning"), message=message)


def driver_faults(drivers: Sequence[StorageDriver], problem: str | None) -> Iterator[Fault]:
    """Drivers that the cluster cannot run. problem: why."""
    if drivers and problem:
        yield Fault(path=("drivers",), message=problem)


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
