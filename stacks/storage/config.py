"""The storage that an environment declares and its workloads name. The rules with other sections are in
`stacks.storage.checks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from stacks.clouds.kinds import CloudStorage
from stacks.clouds.storage import Provisioning, Reclaim, SharedStorage, StorageModel, names_no_team
from stacks.language.addresses import TEAM, BucketName, BucketRegion, Endpoint, ExportPath, Host, MountOption, Prefix
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule
from stacks.language.types import Filled, Name, ObjectName, Size

AccessMode = Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]
StorageDriver = Literal["nfs"]


# Where a team's objects are in a bucket that several share: the role of a team may see no more.
OWN_PREFIX = f"teams/{TEAM}/"


class VolumeStorage(StorageModel):
    """A PersistentVolumeClaim in each team that uses it, provisioned by the cluster."""

    name: Name = Field(description="Name that workloads use. Unique in the environment.")
    kind: Literal["volume"] = Field(description="A volume of a StorageClass.")
    size: Size = Field(description="Capacity of each team's claim.")
    access_mode: AccessMode = Field(
        default="ReadWriteOnce",
        description="Access mode. `ReadWriteMany` where training and serving share the volume on a cluster with "
        "several nodes.",
    )
    storage_class: ObjectName | None = Field(
        default=None,
        description="StorageClass of the claim. Default: the class of the cluster section, or the "
        "cluster's default class.",
    )
    reclaim: Reclaim | None = Field(
        default=None,
        description="What happens to claim and data when the storage is removed from the stack. Default: `Retain` "
        "where data is protected (`protectData`), otherwise `Delete`.",
    )


class NfsStorage(SharedStorage):
    """A folder of an NFS server: a PersistentVolume for each team, or a StorageClass of csi-driver-nfs."""

    kind: Literal["nfs"] = Field(description="A folder of an NFS server.")
    size: Size = Field(description="Capacity of each team's claim. NFS itself sets no limit.")
    server: Host = Field(description="The NFS server.")
    path: ExportPath = Field(description="The exported folder. With `static` it must exist.")
    provisioning: Provisioning = Field(
        default="static",
        description="`static`: the folder itself. `dynamic`: a folder below `path` for each claim, created by "
        "csi-driver-nfs (`storageDrivers`).",
    )
    mount_options: Many[MountOption] = Field(default=("nfsvers=4.1",), description="Mount options.")

    @property
    def is_one_folder(self) -> bool:
        return self.provisioning == "static" and names_no_team(self.path)

    @rule("provisioning")
    def _own_folders(self) -> Iterator[Fault]:
        if self.provisioning == "dynamic" and TEAM in self.path:
            message = f"has {TEAM}, but with dynamic each claim gets a folder of its own; name the folder above them"
            yield Fault(path=("path",), message=message)


class SecretCredentials(ConfigModel):
    """Access keys from a Secret."""

    kind: Literal["secret"] = Field(description="Keys in a Secret of the team's namespace.")
    name: ObjectName = Field(description="Name of the Secret; its keys are `accessKeyId` and `secretAccessKey`.")


class IdentityCredentials(ConfigModel):
    """No keys: the service accounts of the pods have the rights."""

    kind: Literal["identity"] = Field(description="Workload identity: the rights of the pods' service accounts.")


Credentials = Annotated[SecretCredentials | IdentityCredentials, Field(discriminator="kind")]


class S3Storage(SharedStorage):
    """A prefix in a bucket: in AWS, on any other S3 server, or on the platform's own (`objectStore`)."""

    kind: Literal["s3"] = Field(description="A bucket.")
    bucket: BucketName | None = Field(
        default=None,
        description="The bucket, or its name under `cluster.buckets` of the stack. Default: the team's bucket "
        "on the S3 server of `objectStore`.",
    )
    prefix: Prefix | None = Field(
        default=None,
        description=f"Prefix in the bucket. Default: `teams/{TEAM}/<name>`. In a bucket of `cluster.buckets` it begins "
        f"with `teams/{TEAM}/`, which is what the team's role may see.",
    )
    access: Literal["env", "mountpoint"] = Field(
        default="env",
        description="`env`: programs get `s3://` URIs. `mountpoint`: mounted read-only by the Mountpoint driver.",
    )
    endpoint: Endpoint | None = Field(default=None, description="URL of the S3 server. Default: AWS.")
    region: BucketRegion | None = Field(
        default=None, description="Region. Default: the one that the cluster section names, otherwise `us-east-1`."
    )
    credentials: Credentials | None = Field(
        default=None, description="How programs authenticate. Default: workload identity."
    )
    size: Size = Field(
        default="1Gi",
        description="With `mountpoint`: size of the claim. Kubernetes requires one, although a bucket has no limit.",
    )

    @property
    def is_one_folder(self) -> bool:
        return self.prefix is not None and names_no_team(self.prefix)

    @property
    def folder_key(self) -> str:
        return "prefix"

    @rule("bucket")
    def _without_bucket(self) -> Iterator[Fault]:
        if self.bucket is None:
            own = {"prefix": self.prefix, "endpoint": self.endpoint, "region": self.region}
            for key in (key for key, value in {**own, "credentials": self.credentials}.items() if value is not None):
                message = "is of a bucket, and none is named; add bucket, or remove it for the environment's S3 server"
                yield Fault(path=(key,), message=message)
            if self.access == "mountpoint":
                message = "mounts a bucket, and there is none; add bucket, or write access: env"
                yield Fault(path=("access",), message=message)

    @rule("access")
    def _keys_of_mountpoint(self) -> Iterator[Fault]:
        if self.access == "mountpoint" and isinstance(self.credentials, SecretCredentials):
            message = "is for access: env; Mountpoint has the pods' workload identity, so write kind: identity"
            yield Fault(path=("credentials",), message=message)


class CephStorage(SharedStorage):
    """A folder of CephFS, through its CSI driver (Rook's or ceph-csi's own), which the cluster must have."""

    kind: Literal["ceph"] = Field(description="A folder of CephFS.")
    size: Size = Field(description="Capacity of each team's claim; with `dynamic` a quota of CephFS.")
    cluster_id: Filled = Field(description="`clusterID` of the driver's configuration.")
    file_system: Filled = Field(description="Name of the CephFS file system.")
    pool: Filled | None = Field(default=None, description="With `dynamic`: data pool. Default: the file system's.")
    driver: ObjectName = Field(
        default="cephfs.csi.ceph.com", description="Name of the driver; Rook's is `rook-ceph.cephfs.csi.ceph.com`."
    )
    secret_namespace: ObjectName = Field(description="Namespace of the driver's Secrets.")
    node_secret: ObjectName = Field(description="Secret that nodes use to mount volumes.")
    provisioner_secret: ObjectName | None = Field(
        default=None, description="With `dynamic`: Secret that the driver uses to create volumes."
    )
    provisioning: Provisioning = Field(
        default="dynamic", description="`dynamic`: a subvolume for each claim. `static`: the folder `path`."
    )
    path: ExportPath | None = Field(default=None, description="With `static`: the folder, which must exist.")
    mount_options: Many[MountOption] = Field(default=(), description="Mount options.")

    @property
    def is_one_folder(self) -> bool:
        return self.provisioning == "static" and names_no_team(self.path)

    @rule("provisioning", "provisionerSecret", "path")
    def _provisioning(self) -> Iterator[Fault]:
        of_dynamic = {"pool": self.pool, "provisionerSecret": self.provisioner_secret}
        other = {"path": self.path} if self.provisioning == "dynamic" else of_dynamic
        for key in (key for key, value in other.items() if value is not None):
            message = f"means nothing with provisioning: {self.provisioning}; remove it"
            yield Fault(path=(key,), message=message)
        needed, value = (
            ("provisionerSecret", self.provisioner_secret) if self.provisioning == "dynamic" else ("path", self.path)
        )
        if value is None:
            yield Fault(path=(needed,), message=f"is required with provisioning: {self.provisioning}; add it")


# Another kind of storage is one more member here; one of a cloud is a member of `CloudStorage`.
Storage = Annotated[VolumeStorage | NfsStorage | S3Storage | CephStorage | CloudStorage, Field(discriminator="kind")]


class ObjectStoreConfig(ConfigModel):
    """The platform's own S3 server, for clusters without one: one for each team, with a bucket and keys."""

    size: Size = Field(description="Capacity of each team's bucket.")
    storage_class: ObjectName | None = Field(
        default=None,
        description="StorageClass of the volume. Default: the class of the cluster section, or the "
        "cluster's default class.",
    )

    def installs(self, cluster: str) -> Iterator[str]:
        yield "versitygw"


def has_claim(storage: Storage) -> bool:
    """Whether workloads mount it, so that it is a claim and counts in a quota. Otherwise they reach it over HTTP."""
    return not (isinstance(storage, S3Storage) and storage.access == "env")
