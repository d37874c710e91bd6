"""What an environment installs once for the storages of all teams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components import namespaces
from components.cluster import Cluster
from components.platform.operator import Operator, OperatorArgs
from components.storage.classes import StorageClass, StorageClassArgs
from components.storage.object_store import ObjectStoreSystem, ObjectStoreSystemArgs
from stacks.storage.classes import class_name, is_retained, volume_driver
from stacks.storage.config import Storage

NFS_DRIVER = "csi-driver-nfs"


@dataclass(frozen=True, kw_only=True)
class StorageServices:
    """What an environment has for its storages.

    `classes` are StorageClasses by the name of the storage, `object_stores` where the teams' S3 servers go.
    """

    classes: Mapping[str, StorageClass] = field(default_factory=dict[str, StorageClass])
    object_stores: ObjectStoreSystem | None = None


def build_nfs_driver(cluster: Cluster) -> Operator:
    """The driver that makes folders of NFS servers for `dynamic` storages."""
    plugin = cluster.sources.chart_image(NFS_DRIVER, "nfsplugin").rpartition(":")[0]
    args = OperatorArgs(
        chart=NFS_DRIVER,
        namespace=namespaces.STORAGE_DRIVERS,
        sources=cluster.sources,
        connection=cluster.connection,
        # The chart adds the sidecars' names to its base.
        values={"image": {"baseRepo": plugin.removesuffix("/sig-storage/nfsplugin"), "nfs": {"repository": plugin}}},
        # Its pods mount file systems for others: components.platform.exceptions says more.
        pod_security="privileged",
    )
    return Operator(NFS_DRIVER, args, pulumi.ResourceOptions(providers=[cluster.provider]))


def build_object_stores(cluster: Cluster, *, protects_data: bool) -> ObjectStoreSystem:
    """The namespace of the teams' S3 servers."""
    args = ObjectStoreSystemArgs(protect=protects_data, retain=protects_data)
    return ObjectStoreSystem("object-store", args, pulumi.ResourceOptions(providers=[cluster.provider]))


def build_classes(
    declared: Iterable[Storage], cluster: Cluster, *, drivers: Sequence[Operator], protects_data: bool
) -> dict[str, StorageClass]:
    """The StorageClasses of the storages that have their own, after the drivers that the environment installs."""
    classes: dict[str, StorageClass] = {}
    for storage in declared:
        retain = is_retained(storage, protects_data=protects_data)
        driver, name = volume_driver(storage, retain=retain), class_name(storage, cluster)
        if driver is not None and name is not None:
            classes[storage.name] = StorageClass(
                f"storage-class-{storage.name}",
                StorageClassArgs(storage_class=name, driver=driver, retain=retain, after=drivers),
                pulumi.ResourceOptions(providers=[cluster.provider]),
            )
    return classes
