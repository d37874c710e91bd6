"""The storages of one team as objects."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.cluster import Cluster
from components.labels import Owner
from components.own_storage import VolumeSource
from components.storage import ceph, nfs, s3
from components.storage.access import BucketAccess, TeamStorage
from components.storage.bucket import BucketStorage, BucketStorageArgs, way_to_server
from components.storage.object_store import (
    ObjectStore,
    ObjectStoreArgs,
    bucket_access,
    way_to_store,
)
from components.storage.static import StaticVolume, StaticVolumeArgs
from components.storage.volume import VolumeClaim, VolumeClaimArgs
from components.teams.reference import TeamReference
from components.teams.team import Team
from stacks.clouds.build import source_of
from stacks.clouds.storage import FileSystemStorage
from stacks.language.addresses import TEAM
from stacks.storage.classes import ceph_file_system, class_name, is_protected, is_retained, own_file_system
from stacks.storage.config import (
    OWN_PREFIX,
    CephStorage,
    IdentityCredentials,
    NfsStorage,
    ObjectStoreConfig,
    S3Storage,
    SecretCredentials,
    Storage,
)
from stacks.storage.services import StorageServices

DEFAULT_REGION = "us-east-1"


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
            case FileSystemStorage(provisioning="static") if storage.is_of_cluster:
                source = own_file_system(storage, self.cluster).of(team)
                if source is None:
                    raise LookupError(f"storage[{storage.name}]: the cluster has no {storage.kind} for team {team!r}")
                return source
            case FileSystemStorage():
                return source_of(storage, team)
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
