"""Storages of a stack as objects: what the environment has once, and what each team gets of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import pulumi

from components import namespaces
from components.cluster import Cluster
from components.labels import Owner
from components.platform.operator import Operator, OperatorArgs
from components.storage import ceph, efs, fsx, nfs, s3
from components.storage.access import BucketAccess, TeamStorage
from components.storage.bucket import BucketStorage, BucketStorageArgs, way_to_server
from components.storage.classes import StorageClass, StorageClassArgs, VolumeDriver
from components.storage.object_store import (
    ObjectStore,
    ObjectStoreArgs,
    ObjectStoreSystem,
    ObjectStoreSystemArgs,
    bucket_access,
    way_to_store,
)
from components.storage.static import StaticVolume, StaticVolumeArgs, VolumeSource
from components.storage.volume import VolumeClaim, VolumeClaimArgs
from components.teams.reference import TeamReference
from components.teams.team import Team
from stacks.storage.config import (
    OWN_PREFIX,
    CephStorage,
    EfsStorage,
    FsxStorage,
    IdentityCredentials,
    NfsStorage,
    ObjectStoreConfig,
    S3Storage,
    SecretCredentials,
    Storage,
    StorageDriver,
    VolumeStorage,
)
from stacks.storage.types import TEAM

DRIVERS_NAMESPACE = namespaces.STORAGE_DRIVERS
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class StorageServices:
    """What an environment has for its storages.

    `classes` are StorageClasses by the name of the storage, `object_stores` where the teams' S3 servers go.
    """

    classes: Mapping[str, StorageClass] = field(default_factory=dict[str, StorageClass])
    object_stores: ObjectStoreSystem | None = None


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


def build_storage_services(
    declared: Sequence[Storage],
    cluster: Cluster,
    *,
    drivers: Sequence[StorageDriver],
    object_store: ObjectStoreConfig | None,
    protects_data: bool,
) -> StorageServices:
    """The drivers, classes and the S3 servers' namespace that the declared storages need."""
    child = pulumi.ResourceOptions(providers=[cluster.provider])
    installed: list[pulumi.Resource] = []
    if "nfs" in drivers:
        plugin = cluster.sources.chart_image("csi-driver-nfs", "nfsplugin").rpartition(":")[0]
        args = OperatorArgs(
            chart="csi-driver-nfs",
            namespace=DRIVERS_NAMESPACE,
            sources=cluster.sources,
            connection=cluster.connection,
            # The chart adds the sidecars' names to its base.
            values={
                "image": {"baseRepo": plugin.removesuffix("/sig-storage/nfsplugin"), "nfs": {"repository": plugin}}
            },
            # Its pods mount file systems for others: components.platform.exceptions says more.
            pod_security="privileged",
        )
        installed.append(Operator("csi-driver-nfs", args, child))
    classes: dict[str, StorageClass] = {}
    for storage in declared:
        retain = is_retained(storage, protects_data=protects_data)
        driver, name = volume_driver(storage, retain=retain), class_name(storage, cluster)
        if driver is not None and name is not None:
            classes[storage.name] = StorageClass(
                f"storage-class-{storage.name}",
                StorageClassArgs(storage_class=name, driver=driver, retain=retain, after=installed),
                child,
            )
    object_stores = None
    if object_store is not None:
        kept = protects_data
        object_stores = ObjectStoreSystem("object-store", ObjectStoreSystemArgs(protect=kept, retain=kept), child)
    return StorageServices(classes=classes, object_stores=object_stores)


def is_retained(storage: Storage, *, protects_data: bool) -> bool:
    """Whether claim and data stay on the cluster when the stack drops the storage."""
    return protects_data if storage.reclaim is None else storage.reclaim == "Retain"


def is_protected(storage: Storage, *, protects_data: bool) -> bool:
    """Whether Pulumi refuses to delete the claim. A storage with `reclaim: Delete` asks for the opposite."""
    return protects_data and storage.reclaim != "Delete"


@dataclass(frozen=True, kw_only=True)
class TeamStorages:
    """Makes the storages of one team, which are children of its place on the cluster.

    `object_store`: the section of that name, where the stack has it.
    """

    protects_data: bool
    object_store: ObjectStoreConfig | None
    cluster: Cluster
    owner: Owner
    tenancy: Team | TeamReference
    services: StorageServices

    def build(self, storages: tuple[Storage, ...]) -> dict[str, TeamStorage]:
        """The storages by name, with the team's S3 server if one of them is on it."""
        on_server = any(isinstance(storage, S3Storage) and storage.bucket is None for storage in storages)
        server = self._object_store() if on_server else None
        return {storage.name: self._storage(storage, server) for storage in storages}

    def _storage(self, storage: Storage, server: ObjectStore | None) -> TeamStorage:
        name = f"{self.owner.team}-storage-{storage.name}"
        match storage:
            case S3Storage(access="env"):
                return BucketStorage(name, self._bucket(storage, server), pulumi.ResourceOptions(parent=self.tenancy))
            case _:
                source = self._source(storage)
        protect = is_protected(storage, protects_data=self.protects_data)
        retain = is_retained(storage, protects_data=self.protects_data)
        if source is not None:
            return StaticVolume(
                name,
                StaticVolumeArgs(
                    owner=self.owner,
                    namespace=self.tenancy.namespace,
                    storage=storage.name,
                    size=storage.size,
                    access_mode=storage.access_mode,
                    source=source,
                    protect=protect,
                    retain=retain,
                ),
                pulumi.ResourceOptions(parent=self.tenancy),
            )
        of_class = self.services.classes.get(storage.name)
        return VolumeClaim(
            name,
            VolumeClaimArgs(
                owner=self.owner,
                namespace=self.tenancy.namespace,
                storage=storage.name,
                size=storage.size,
                storage_class=of_class.storage_class if of_class else class_name(storage, self.cluster),
                access_mode=storage.access_mode,
                protect=protect,
                retain=retain,
            ),
            pulumi.ResourceOptions(parent=self.tenancy),
        )

    def _source(self, storage: Storage) -> VolumeSource | None:
        """Where a volume is that exists; None for one that a class makes."""
        team, own = self.owner.team, self.cluster.own_storage
        handle = f"{team}-{storage.name}"
        match storage:
            case NfsStorage(provisioning="static"):
                return nfs.folder(storage.server, of_team(storage.path, team), storage.mount_options)
            case EfsStorage(provisioning="static", file_system=str(file_system), path=str(path)):
                return efs.folder(file_system, of_team(path, team))
            case EfsStorage(provisioning="static"):
                if own.efs is None or team not in own.folders:
                    raise LookupError(f"storage[{storage.name}]: the cluster has no EFS folder of team {team!r}")
                return efs.access_point(own.efs, own.folders[team])
            case FsxStorage(file_system=str(known), dns_name=str(dns_name), mount_name=str(mount_name)):
                return fsx.file_system(known, dns_name, mount_name)
            case FsxStorage(provisioning="static"):
                if own.lustre is None:
                    raise LookupError(f"storage[{storage.name}]: the cluster has no Lustre file system")
                return fsx.file_system(own.lustre.id, own.lustre.dns_name, own.lustre.mount_name)
            case CephStorage(provisioning="static", path=str(path)):
                return ceph.folder(ceph_file_system(storage), of_team(path, team), handle=handle)
            case S3Storage(access="mountpoint", bucket=str(bucket)):
                return s3.mounted(
                    own.buckets.get(bucket, bucket),
                    self._prefix(storage),
                    region=self._region(storage),
                    endpoint=storage.endpoint,
                    handle=handle,
                    read_only=storage.access_mode == "ReadOnlyMany",
                )
            case _:
                return None

    def _bucket(self, storage: S3Storage, server: ObjectStore | None) -> BucketStorageArgs:
        """A storage that programs reach by its URI."""
        if storage.bucket is None:
            access = bucket_access(self.owner.team, storage.name)
            egress = way_to_store(self.owner.team)
        else:
            bucket = self.cluster.own_storage.buckets.get(storage.bucket, storage.bucket)
            match storage.credentials:
                case SecretCredentials(name=secret):
                    pass
                case IdentityCredentials() | None:
                    secret = None
            access = BucketAccess(
                uri=f"s3://{bucket}/{self._prefix(storage)}",
                region=self._region(storage),
                endpoint=storage.endpoint,
                secret=secret,
            )
            egress = way_to_server(storage.endpoint, identity=secret is None)
        return BucketStorageArgs(
            owner=self.owner,
            namespace=self.tenancy.namespace,
            storage=storage.name,
            access=access,
            egress=egress,
            after=[server] if server is not None and storage.bucket is None else [],
        )

    def _prefix(self, storage: S3Storage) -> str:
        return of_team(storage.prefix or f"{OWN_PREFIX}{storage.name}", self.owner.team)

    def _region(self, storage: S3Storage) -> str:
        return storage.region or self.cluster.own_storage.region or DEFAULT_REGION

    def _object_store(self) -> ObjectStore:
        """The team's own S3 server."""
        config = self.object_store
        if config is None:
            raise LookupError("objectStore: there is no such section")
        if self.services.object_stores is None:
            raise LookupError("objectStore: the environment has no namespace for S3 servers")
        kept = self.protects_data
        return ObjectStore(
            f"{self.owner.team}-object-store",
            ObjectStoreArgs(
                owner=self.owner,
                namespace=self.tenancy.namespace,
                system=self.services.object_stores.namespace,
                image=self.cluster.sources.image("versitygw"),
                size=config.size,
                storage_class=config.storage_class or self.cluster.storage_class,
                protect=kept,
                retain=kept,
            ),
            pulumi.ResourceOptions(parent=self.tenancy),
        )


def of_team(text: str, team: str) -> str:
    """A path or prefix with the team's name where it belongs."""
    return text.replace(TEAM, team)
