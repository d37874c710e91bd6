"""CephFS: a subvolume for each claim, or a folder (https://github.com/ceph/ceph-csi)."""

from __future__ import annotations

from dataclasses import dataclass

from components.own_storage import VolumeSource
from components.storage.classes import VolumeDriver


@dataclass(frozen=True, kw_only=True)
class CephFileSystem:
    """A file system, and the driver and Secrets by which a cluster reaches it."""

    driver: str
    cluster_id: str
    file_system: str
    secret_namespace: str
    node_secret: str
    mount_options: tuple[str, ...] = ()


def folder(ceph: CephFileSystem, path: str, *, handle: str) -> VolumeSource:
    """A folder. `handle` names the volume to the driver and must be unique."""
    return VolumeSource(
        spec={
            "csi": {
                "driver": ceph.driver,
                "volume_handle": handle,
                "volume_attributes": {
                    "clusterID": ceph.cluster_id,
                    "fsName": ceph.file_system,
                    "staticVolume": "true",
                    "rootPath": path,
                },
                "node_stage_secret_ref": {"name": ceph.node_secret, "namespace": ceph.secret_namespace},
            }
        },
        mount_options=ceph.mount_options,
    )


def driver(ceph: CephFileSystem, *, provisioner_secret: str, pool: str | None) -> VolumeDriver:
    """A subvolume with a quota for each claim."""
    secrets = {
        "provisioner": provisioner_secret,
        "controller-expand": provisioner_secret,
        "node-stage": ceph.node_secret,
    }
    references = {
        f"csi.storage.k8s.io/{use}-secret-{key}": value
        for use, secret in secrets.items()
        for key, value in (("name", secret), ("namespace", ceph.secret_namespace))
    }
    return VolumeDriver(
        provisioner=ceph.driver,
        parameters={
            "clusterID": ceph.cluster_id,
            "fsName": ceph.file_system,
            **({"pool": pool} if pool else {}),
            **references,
        },
        mount_options=ceph.mount_options,
        expandable=True,
    )
