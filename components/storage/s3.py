"""Buckets that are mounted (https://github.com/awslabs/mountpoint-s3-csi-driver)."""

from __future__ import annotations

from components.own_storage import VolumeSource
from components.pods import USER

DRIVER = "s3.csi.aws.com"


def mounted(
    bucket: str, prefix: str, *, region: str, endpoint: str | None, handle: str, read_only: bool
) -> VolumeSource:
    """A part of a bucket. Files can be read, written from begin to end, and deleted; not renamed or appended to.

    `handle` names the volume to the driver and must be unique. Pods mount it with their own identity.
    """
    options = [f"prefix {prefix}/", f"region {region}", f"uid={USER}", f"gid={USER}", "allow-other"]
    if endpoint is not None:
        options += [f"endpoint-url {endpoint}", "force-path-style"]
    options.append("read-only" if read_only else "allow-delete")
    return VolumeSource(
        spec={
            "csi": {
                "driver": DRIVER,
                "volume_handle": handle,
                "volume_attributes": {"bucketName": bucket, "authenticationSource": "pod"},
            }
        },
        mount_options=tuple(options),
    )
