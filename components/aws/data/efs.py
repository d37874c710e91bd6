"""EFS: a file system that many pods write at once."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import ec2, efs, vpc

from components.aws import policies, tags
from components.aws.network import Vpc

# The user and group that every pod of the platform runs as (docs/concepts/contracts.md, "Pods").
POD_USER = 10001


@dataclasses.dataclass(frozen=True, kw_only=True)
class SharedFilesArgs:
    """clients_group_id: the security group whose members may mount it. backed_up: whether AWS Backup takes
    it.
    """

    file_system: str
    vpc: Vpc
    clients_group_id: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    backed_up: bool = True


class SharedFiles(pulumi.ComponentResource):
    """An encrypted EFS file system with a mount target in every zone, mounted through access points over TLS
    only.
    """

    id: pulumi.Output[str]
    mount_targets: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: SharedFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:SharedFiles", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=True, protect=True)
        backup = {tags.BACKUP: "daily"} if args.backed_up else {}
        files = efs.FileSystem(
            f"{name}-files",
            creation_token=args.file_system,
            encrypted=True,
            kms_key_id=args.key_arn,
            throughput_mode="elastic",
            lifecycle_policies=[
                {"transition_to_ia": "AFTER_30_DAYS"},
                {"transition_to_primary_storage_class": "AFTER_1_ACCESS"},
            ],
            tags={"Name": args.file_system, **backup},
            opts=kept,
        )
        efs.FileSystemPolicy(
            f"{name}-policy",
            file_system_id=files.id,
            policy=policies.to_json(
                policies.document(
                    policies.tls_only(
                        "DenyWithoutTls",
                        (
                            "elasticfilesystem:ClientMount",
                            "elasticfilesystem:ClientRootAccess",
                            "elasticfilesystem:ClientWrite",
                        ),
                        (files.arn,),
                    ),
                    policies.Statement(
                        sid="MountThroughMountTargets",
                        actions=("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"),
                        resources=(files.arn,),
                        principals={"AWS": "*"},
                        conditions={"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
                    ),
                )
            ),
            opts=kept,
        )
        group = ec2.SecurityGroup(
            f"{name}-group",
            name=args.file_system,
            description="Mount targets of the shared file system",
            vpc_id=args.vpc.id,
            tags={"Name": args.file_system},
            opts=child,
        )
        vpc.SecurityGroupIngressRule(
            f"{name}-nfs",
            security_group_id=group.id,
            description="NFS from the nodes of the cluster",
            ip_protocol="tcp",
            from_port=2049,
            to_port=2049,
            referenced_security_group_id=args.clients_group_id,
            tags={"Name": "nfs-from-nodes"},
            opts=child,
        )
        self.mount_targets = tuple(
            efs.MountTarget(
                f"{name}-mount-{zone}",
                file_system_id=files.id,
                subnet_id=subnet,
                security_groups=[group.id],
                opts=child,
            )
            for zone, subnet in args.vpc.intra.items()
        )
        self.id = files.id
        self.register_outputs({"id": self.id})


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeamFolderArgs:
    """A team's own folder on a shared file system."""

    file_system_id: pulumi.Input[str]
    team: str


class TeamFolder(pulumi.ComponentResource):
    """An access point: whoever mounts it sees one team's folder, as the user that pods run as."""

    id: pulumi.Output[str]

    def __init__(self, name: str, args: TeamFolderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:TeamFolder", name, None, opts)
        point = efs.AccessPoint(
            f"{name}-point",
            file_system_id=args.file_system_id,
            posix_user={"uid": POD_USER, "gid": POD_USER},
            root_directory={
                "path": f"/teams/{args.team}",
                "creation_info": {"owner_uid": POD_USER, "owner_gid": POD_USER, "permissions": "0770"},
            },
            tags={"Name": f"team-{args.team}", **tags.of_team(args.team)},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.id = point.id
        self.register_outputs({"id": self.id})
