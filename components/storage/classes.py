"""A StorageClass of the platform: each claim of it gets a volume of its own from a driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s

from components.labels import PART_OF


@dataclass(frozen=True, kw_only=True)
class VolumeDriver:
    """What a CSI driver is called, and what it is told about each volume."""

    provisioner: str
    parameters: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    mount_options: tuple[str, ...] = ()
    expandable: bool = False


@dataclass(frozen=True, kw_only=True)
class StorageClassArgs:
    """`retain`: whether a volume outlives its claim. `after`: what must be there before, such as the driver."""

    storage_class: str
    driver: VolumeDriver
    retain: bool
    after: Sequence[pulumi.Resource] = ()


class StorageClass(pulumi.ComponentResource):
    """A class for storage that all nodes reach: a volume is made as soon as it is claimed."""

    storage_class: pulumi.Output[str]

    def __init__(self, name: str, args: StorageClassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:StorageClass", name, None, opts)
        driver = args.driver
        made = k8s.storage.v1.StorageClass(
            f"{name}-class",
            metadata={
                "name": args.storage_class,
                "labels": {
                    "app.kubernetes.io/name": args.storage_class,
                    "app.kubernetes.io/part-of": PART_OF,
                    "app.kubernetes.io/managed-by": "pulumi",
                },
            },
            provisioner=driver.provisioner,
            parameters=dict(driver.parameters),
            mount_options=list(driver.mount_options) or None,
            reclaim_policy="Retain" if args.retain else "Delete",
            volume_binding_mode="Immediate",
            allow_volume_expansion=driver.expandable or None,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.storage_class = made.metadata.name
        self.register_outputs({"storageClass": self.storage_class})
