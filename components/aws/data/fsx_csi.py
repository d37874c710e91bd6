"""FSx for Lustre (https://github.com/kubernetes-sigs/aws-fsx-csi-driver)."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.own_storage import VolumeSource
from components.storage.classes import VolumeDriver

DRIVER = "fsx.csi.aws.com"
MOUNT_OPTIONS = ("flock",)


def file_system(
    file_system: pulumi.Input[str], dns_name: pulumi.Input[str], mount_name: pulumi.Input[str]
) -> VolumeSource:
    """A whole file system."""
    return VolumeSource(
        spec={
            "csi": {
                "driver": DRIVER,
                "volume_handle": file_system,
                "volume_attributes": {"dnsname": dns_name, "mountname": mount_name},
            }
        },
        mount_options=MOUNT_OPTIONS,
    )


def driver(subnet: str, security_groups: Sequence[str]) -> VolumeDriver:
    """A persistent SSD file system for each claim: minutes to make, 1.2 TiB at least."""
    return VolumeDriver(
        provisioner=DRIVER,
        parameters={
            "subnetId": subnet,
            "securityGroupIds": ",".join(security_groups),
            "deploymentType": "PERSISTENT_2",
            "perUnitStorageThroughput": "125",
            "dataCompressionType": "LZ4",
        },
        mount_options=MOUNT_OPTIONS,
        expandable=True,
    )
