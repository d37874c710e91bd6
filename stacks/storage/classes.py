"""The StorageClass of a storage, and what becomes of its data."""

from __future__ import annotations

from typing import assert_never

from components.cluster import Cluster
from components.own_storage import FileSystem
from components.storage import ceph, nfs
from components.storage.classes import VolumeDriver
from stacks.clouds.build import driver_of
from stacks.clouds.kinds import CloudStorage
from stacks.clouds.storage import FileSystemStorage
from stacks.storage.config import CephStorage, NfsStorage, S3Storage, Storage, VolumeStorage


def class_name(storage: Storage, cluster: Cluster) -> str | None:
    """The StorageClass of the storage's claims; None for the default class, and for what is not of a class."""
    match storage:
        case VolumeStorage():
            return storage.storage_class or cluster.storage_class
        case FileSystemStorage(provisioning="dynamic") if storage.is_of_cluster:
            return own_file_system(storage, cluster).class_name
        case NfsStorage() | CephStorage() | FileSystemStorage():
            return f"ml-platform-{storage.name}" if storage.provisioning == "dynamic" else None
        case S3Storage():
            return None
        case _:
            assert_never(storage)


def volume_driver(storage: Storage, *, retain: bool) -> VolumeDriver | None:
    """How the storage's own StorageClass makes volumes; None for a storage that has no class of its own."""
    match storage:
        case NfsStorage(provisioning="dynamic"):
            return nfs.driver(storage.server, storage.path, storage.mount_options, retain=retain)
        case CephStorage(provisioning="dynamic", provisioner_secret=str(secret)):
            return ceph.driver(ceph_file_system(storage), provisioner_secret=secret, pool=storage.pool)
        case FileSystemStorage():
            return driver_of(storage)
        case _:
            return None


def own_file_system(storage: CloudStorage, cluster: Cluster) -> FileSystem:
    """What the cluster's stack has made for the storage. LookupError where it makes none."""
    made = cluster.own_storage.file_systems.get(storage.kind)
    if made is None:
        raise LookupError(f"storage[{storage.name}]: the cluster has no file system of kind {storage.kind!r}")
    return made


def ceph_file_system(storage: CephStorage) -> ceph.CephFileSystem:
    return ceph.CephFileSystem(
        driver=storage.driver,
        cluster_id=storage.cluster_id,
        file_system=storage.file_system,
        secret_namespace=storage.secret_namespace,
        node_secret=storage.node_secret,
        mount_options=storage.mount_options,
    )


def is_retained(storage: Storage, *, protects_data: bool) -> bool:
    """Whether claim and data stay on the cluster when the stack drops the storage."""
    return protects_data if storage.reclaim is None else storage.reclaim == "Retain"


def is_protected(storage: Storage, *, protects_data: bool) -> bool:
    """Whether Pulumi refuses to delete the claim. A storage with `reclaim: Delete` asks for the opposite."""
    return protects_data and storage.reclaim != "Delete"
