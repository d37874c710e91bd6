"""FSx for Lustre: a bucket's objects as a fast file system."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import ec2, fsx, vpc

from components.aws.network import Vpc


@dataclasses.dataclass(frozen=True, kw_only=True)
class LustreArgs:
    """capacity: GiB, 1200 or a multiple of 2400. throughput: MB/s for each TiB (125, 250, 500 or 1000). zone:
    the one zone that holds it; put the pool that reads it there too. bucket: linked at /data.
    """

    file_system: str
    vpc: Vpc
    zone: str
    clients_group_id: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    capacity: int
    throughput: int
    bucket: pulumi.Input[str]


class Lustre(pulumi.ComponentResource):
    """A Lustre file system that reads from an S3 bucket and writes back to it. The bucket is what is kept."""

    id: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    mount_name: pulumi.Output[str]

    def __init__(self, name: str, args: LustreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:Lustre", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = ec2.SecurityGroup(
            f"{name}-group",
            name=args.file_system,
            description="Lustre file system",
            vpc_id=args.vpc.id,
            tags={"Name": args.file_system},
            opts=child,
        )
        # 988 is the service, 1018-1023 are its callbacks; servers talk to each other on the same ports.
        for peer, source in (("nodes", args.clients_group_id), ("servers", group.id)):
            for first, last in ((988, 988), (1018, 1023)):
                vpc.SecurityGroupIngressRule(
                    f"{name}-from-{peer}-{first}",
                    security_group_id=group.id,
                    description=f"Lustre from the {peer}",
                    ip_protocol="tcp",
                    from_port=first,
                    to_port=last,
                    referenced_security_group_id=source,
                    tags={"Name": f"lustre-from-{peer}"},
                    opts=child,
                )
        vpc.SecurityGroupEgressRule(
            f"{name}-to-servers",
            security_group_id=group.id,
            description="Lustre among its servers, and callbacks to nodes",
            ip_protocol="tcp",
            from_port=988,
            to_port=1023,
            cidr_ipv4=args.vpc.cidr,
            tags={"Name": "lustre-out"},
            opts=child,
        )
        files = fsx.LustreFileSystem(
            f"{name}-files",
            deployment_type="PERSISTENT_2",
            storage_type="SSD",
            storage_capacity=args.capacity,
            per_unit_storage_throughput=args.throughput,
            data_compression_type="LZ4",
            file_system_type_version="2.15",
            kms_key_id=args.key_arn,
            subnet_ids=args.vpc.private[args.zone],
            security_group_ids=[group.id],
            # The S3 bucket has everything that was exported; a backup of the cache would be a third copy.
            automatic_backup_retention_days=0,
            skip_final_backup=True,
            tags={"Name": args.file_system},
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        fsx.DataRepositoryAssociation(
            f"{name}-bucket-link",
            file_system_id=files.id,
            data_repository_path=pulumi.Output.format("s3://{0}", args.bucket),
            file_system_path="/data",
            batch_import_meta_data_on_create=True,
            s3={
                "auto_import_policy": {"events": ["NEW", "CHANGED", "DELETED"]},
                "auto_export_policy": {"events": ["NEW", "CHANGED", "DELETED"]},
            },
            tags={"Name": args.file_system},
            opts=child,
        )
        self.id, self.dns_name, self.mount_name = files.id, files.dns_name, files.mount_name
        self.register_outputs({"id": self.id})
