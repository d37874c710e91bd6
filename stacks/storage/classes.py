"""The StorageClass of a storage, and what becomes of its data."""

from __future__ import annotations

from typing import assert_never

from components.cluster import Cluster
from components.storage import ceph, efs, fsx, nfs
from components.storage.classes import VolumeDriver
from stacks.storage.config import CephStorage, EfsStorage, FsxStorage, NfsStorage, S3Storage, Storage, VolumeStorage


def class_name(storage: Storage, cluster: Cluster) -> str | None:
    """The StorageClass of the storage's claims; None for the default class, and for what is not of a class."""
    match storage:
        case VolumeStorage():
            return storage.storage_class or cluster.storage_class
        case EfsStorage(provisioning="dynamic", file_system=None):
            return cluster.own_storage.efs_class
        case NfsStorage() | EfsStorage() | FsxStorage() | CephStorage():
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
        case EfsStorage(provisioning="dynamic", file_system=str(file_system)):
            return efs.driver(file_system)
        case FsxStorage(provisioning="dynamic", subnet=str(subnet)):
            return fsx.driver(subnet, storage.security_groups)
        case CephStorage(provisioning="dynamic", provisioner_secret=str(secret)):
            return ceph.driver(ceph_file_system(storage), provisioner_secret=secret, pool=storage.pool)
        case _:
            return None


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
