"""StorageClasses of an EKS cluster."""

from __future__ import annotations

import dataclasses

import pulumi
import pulumi_kubernetes as k8s

from components.aws.data import efs_csi


@dataclasses.dataclass(frozen=True, kw_only=True)
class StorageClassesArgs:
    """block_driver: name of the EBS driver, which is another one in Auto Mode; None where there is none.

    volume_tags: tags of the EBS volumes. file_system_id: of the shared EFS file system, if there is one.
    """

    key_arn: pulumi.Input[str]
    block_driver: str | None
    volume_tags: dict[str, str]
    file_system_id: pulumi.Input[str] | None


class StorageClasses(pulumi.ComponentResource):
    """`gp3`, encrypted volumes for one pod at a time, and `efs`, folders that many pods share."""

    block: str | None
    shared: str | None

    def __init__(self, name: str, args: StorageClassesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:StorageClasses", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.block = self.shared = None
        if args.block_driver is not None:
            self.block = "gp3"
            # The driver takes tags as numbered parameters.
            numbered = enumerate(sorted(args.volume_tags.items()), start=1)
            k8s.storage.v1.StorageClass(
                f"{name}-gp3",
                metadata={"name": self.block, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
                provisioner=args.block_driver,
                parameters={
                    "type": "gp3",
                    "encrypted": "true",
                    "kmsKeyId": args.key_arn,
                    **{f"tagSpecification_{number}": f"{key}={value}" for number, (key, value) in numbered},
                },
                # A volume is in one zone: it is made where its pod lands.
                volume_binding_mode="WaitForFirstConsumer",
                allow_volume_expansion=True,
                opts=child,
            )
        if args.file_system_id is not None:
            self.shared, driver = "efs", efs_csi.driver(args.file_system_id)
            k8s.storage.v1.StorageClass(
                f"{name}-efs",
                metadata={"name": self.shared},
                provisioner=driver.provisioner,
                parameters=dict(driver.parameters),
                mount_options=list(driver.mount_options),
                volume_binding_mode="Immediate",
                opts=child,
            )
        self.register_outputs({})
