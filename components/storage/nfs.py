"""NFS: a folder of a server, or a folder for each claim below one (https://github.com/kubernetes-csi/csi-driver-nfs)."""

from __future__ import annotations

from components.own_storage import VolumeSource
from components.storage.classes import VolumeDriver

DRIVER = "nfs.csi.k8s.io"


def folder(server: str, path: str, mount_options: tuple[str, ...]) -> VolumeSource:
    """An exported folder, mounted by the kernel of the node: no driver is needed."""
    return VolumeSource(spec={"nfs": {"server": server, "path": path}}, mount_options=mount_options)


def driver(server: str, path: str, mount_options: tuple[str, ...], *, retain: bool) -> VolumeDriver:
    """Folders `<path>/<namespace>/<claim>`; with `retain` they stay when their volumes go."""
    return VolumeDriver(
        provisioner=DRIVER,
        parameters={
            "server": server,
            "share": path,
            "subDir": "${pvc.metadata.namespace}/${pvc.metadata.name}",
            "onDelete": "retain" if retain else "delete",
        },
        mount_options=mount_options,
    )
