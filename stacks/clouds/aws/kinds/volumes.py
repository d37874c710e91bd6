"""The volumes of file systems of AWS."""

from __future__ import annotations

from components.aws.data import efs_csi, fsx_csi
from components.own_storage import VolumeSource
from components.storage.classes import VolumeDriver
from stacks.clouds.aws.kinds.storage import EfsStorage, FsxStorage
from stacks.language.addresses import TEAM


def driver_of(storage: EfsStorage | FsxStorage) -> VolumeDriver | None:
    """How a StorageClass of the storage makes volumes; None where there is none."""
    match storage:
        case EfsStorage(provisioning="dynamic", file_system=str(file_system)):
            return efs_csi.driver(file_system)
        case FsxStorage(provisioning="dynamic", subnet=str(subnet)):
            return fsx_csi.driver(subnet, storage.security_groups)
        case _:
            return None


def source_of(storage: EfsStorage | FsxStorage, team: str) -> VolumeSource | None:
    """Where a volume is that exists; None for one that a class makes."""
    match storage:
        case EfsStorage(provisioning="static", file_system=str(file_system), path=str(path)):
            return efs_csi.folder(file_system, path.replace(TEAM, team))
        case FsxStorage(file_system=str(file_system), dns_name=str(dns_name), mount_name=str(mount_name)):
            return fsx_csi.file_system(file_system, dns_name, mount_name)
        case _:
            return None
