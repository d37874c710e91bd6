"""EFS: an access point for each claim, or a folder (https://github.com/kubernetes-sigs/aws-efs-csi-driver)."""

from __future__ import annotations

import pulumi

from components.own_storage import VolumeSource
from components.pods import USER
from components.storage.classes import VolumeDriver

DRIVER = "efs.csi.aws.com"
MOUNT_OPTIONS = ("tls",)


def folder(file_system: pulumi.Input[str], path: str) -> VolumeSource:
    """A folder of a file system, as whoever mounts it: it must belong to the user that pods run as."""
    return _volume(pulumi.Output.concat(file_system, ":", path))


def access_point(file_system: pulumi.Input[str], point: pulumi.Input[str]) -> VolumeSource:
    """What an access point shows of a file system."""
    return _volume(pulumi.Output.concat(file_system, "::", point))


def _volume(handle: pulumi.Input[str]) -> VolumeSource:
    return VolumeSource(spec={"csi": {"driver": DRIVER, "volume_handle": handle}}, mount_options=MOUNT_OPTIONS)


def driver(file_system: pulumi.Input[str]) -> VolumeDriver:
    """An access point for each claim, with a folder that belongs to the user that pods run as."""
    return VolumeDriver(
        provisioner=DRIVER,
        parameters={
            "provisioningMode": "efs-ap",
            "fileSystemId": file_system,
            "directoryPerms": "770",
            "uid": str(USER),
            "gid": str(USER),
            "basePath": "/volumes",
            # A folder that can be told apart, and that a new claim of the same name does not inherit.
            "subPathPattern": "${.PVC.namespace}/${.PVC.name}",
            "ensureUniqueDirectory": "true",
        },
        mount_options=MOUNT_OPTIONS,
    )
