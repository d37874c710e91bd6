"""The storage that an environment declares and its workloads name. The rules with other sections are in
`stacks.storage.checks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from stacks.clouds.aws.types import SubnetId
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule
from stacks.language.types import Filled, Name, ObjectName, Size
from stacks.storage.types import (
    TEAM,
    BucketName,
    BucketRegion,
    EfsId,
    Endpoint,
    ExportPath,
    FsxId,
    Host,
    MountOption,
    Prefix,
    SecurityGroupId,
)

AccessMode = Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]
SharedAccessMode = Literal["ReadWriteMany", "ReadOnlyMany"]
Provisioning = Literal["static", "dynamic"]
Reclaim = Literal["Retain", "Delete"]
StorageDriver = Literal["nfs"]


# Where a team's objects are in a bucket that several share: components.aws.team lets its role see no more.
OWN_PREFIX = f"teams/{TEAM}/"


class StorageModel(ConfigModel):
    """A storage of one kind."""

    @property
    def file_system_remedy(self) -> str | None:
        """How to name a file system, where the storage names none and relies on one of the cluster's own stack."""
        return None


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


class SharedStorage(StorageModel):
    """What all kinds have that lie on a server which other teams, or others, use too."""

    name: Name = Field(description="Name that workloads use. Unique in the environment.")
    access_mode: SharedAccessMode = Field(
        default="ReadWriteMany", description="Access mode. `ReadOnlyMany` for data that no workload writes."
    )
    reclaim: Reclaim | None = Field(
        default=None,
        description="What happens to the claim, and with `dynamic` to the data, when the storage is removed from "
        "the stack. Default: `Retain` where data is protected, otherwise `Delete`. Data on a `static` "
        "volume always stays.",
    )
    shared: bool = Field(
        default=False,
        description=f"Whether several teams may use the same folder. Otherwise `path` must contain `{TEAM}`.",
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

    @rule("provisioning")
    def _own_folders(self) -> Iterator[Fault]:
        if self.provisioning == "dynamic" and TEAM in self.path:
            message = f"has {TEAM}, but with dynamic each claim gets a folder of its own; name the folder above them"
            yield Fault(path=("path",), message=message)


class EfsStorage(SharedStorage):
    """A folder of an EFS file system, through its CSI driver."""

    kind: Literal["efs"] = Field(description="A folder of EFS.")
    size: Size = Field(description="Capacity of each team's claim. EFS itself sets no limit.")
    file_system: EfsId | None = Field(
        default=None, description="The file system. Default: `cluster.sharedFiles`, with `kind: aws`."
    )
    provisioning: Provisioning = Field(
        default="dynamic",
        description="`dynamic`: an access point for each claim. `static`: `path`, or each team's own access point.",
    )
    path: ExportPath | None = Field(
        default=None, description="With `static` and `fileSystem`: the folder, which must exist."
    )

    @property
    def file_system_remedy(self) -> str | None:
        return "name an EFS file system" if self.file_system is None else None

    @rule("provisioning", "fileSystem", "path")
    def _folder(self) -> Iterator[Fault]:
        given = self.provisioning == "static" and self.file_system is not None
        if given and self.path is None:
            yield Fault(path=("path",), message=f"is required with static; name a folder, such as /teams/{TEAM}")
        if self.path is not None and not given:
            message = "is for provisioning: static with a fileSystem; remove it, or add what is missing"
            yield Fault(path=("path",), message=message)


class FsxStorage(SharedStorage):
    """An FSx for Lustre file system, through its CSI driver."""

    kind: Literal["fsx"] = Field(description="A file system of FSx for Lustre.")
    size: Size = Field(
        description="Capacity of the file system. With `dynamic` each team's claim has its own file system."
    )
    file_system: FsxId | None = Field(
        default=None, description="The file system. Default: `cluster.lustre`, with `kind: aws`."
    )
    dns_name: Host | None = Field(default=None, description="DNS name of `fileSystem`.")
    mount_name: Filled | None = Field(default=None, description="Mount name of `fileSystem`.")
    provisioning: Provisioning = Field(
        default="static", description="`dynamic`: a file system for each team's claim, in `subnet`."
    )
    subnet: SubnetId | None = Field(default=None, description="With `dynamic`: subnet of the file systems.")
    security_groups: Many[SecurityGroupId] = Field(
        default=(), description="With `dynamic`: security groups of the file systems."
    )

    @property
    def file_system_remedy(self) -> str | None:
        if self.file_system is not None or self.provisioning == "dynamic":
            return None
        return "name a file system, dnsName and mountName, or write provisioning: dynamic"

    @rule("provisioning", "fileSystem", "dnsName", "mountName", "subnet", "securityGroups")
    def _provisioning(self) -> Iterator[Fault]:
        static = {"fileSystem": self.file_system, "dnsName": self.dns_name, "mountName": self.mount_name}
        dynamic = {"subnet": self.subnet, "securityGroups": self.security_groups or None}
        own, other = (dynamic, static) if self.provisioning == "dynamic" else (static, dynamic)
        for key in (key for key, value in other.items() if value is not None):
            remedy = f"remove it, or write provisioning: {'static' if other is static else 'dynamic'}"
            message = f"means nothing with provisioning: {self.provisioning}; {remedy}"
            yield Fault(path=(key,), message=message)
        missing = [key for key, value in own.items() if value is None]
        if missing and (self.provisioning == "dynamic" or len(missing) < len(own)):
            for key in missing:
                message = f"is required beside {' and '.join(key for key in own if key not in missing) or 'dynamic'}"
                yield Fault(path=(key,), message=f"{message}; add it")


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
        description="The bucket; with `kind: aws` also a name under `cluster.buckets`. Default: the team's bucket "
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
        default=None, description="Region. Default: the cluster's with `kind: aws`, otherwise `us-east-1`."
    )
    credentials: Credentials | None = Field(
        default=None, description="How programs authenticate. Default: workload identity."
    )
    size: Size = Field(
        default="1Gi",
        description="With `mountpoint`: size of the claim. Kubernetes requires one, although a bucket has no limit.",
    )

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


# Another kind of storage is one more member here, and one more module in components/platform/storage.
Storage = Annotated[
    VolumeStorage | NfsStorage | EfsStorage | FsxStorage | S3Storage | CephStorage, Field(discriminator="kind")
]


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


def is_shared_folder(storage: Storage) -> bool:
    """Whether all teams that use it get the same folder, for its path does not name them."""
    match storage:
        case VolumeStorage():
            return False
        case S3Storage():
            return storage.prefix is not None and TEAM not in storage.prefix
        case FsxStorage():
            return storage.provisioning == "static"
        case NfsStorage() | EfsStorage() | CephStorage():
            path = storage.path
            return storage.provisioning == "static" and path is not None and TEAM not in path
