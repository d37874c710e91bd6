"""The PostgreSQL database of the tracking server."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import ec2, rds, vpc

from components.aws import tags
from components.aws.network import Vpc

PORT = 5432


def has_insights(instance_class: str) -> bool:
    """Whether RDS offers Performance Insights for a class: for all but the smallest burstable ones."""
    return not (instance_class.startswith("db.t") and instance_class.endswith((".micro", ".small")))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """storage, max_storage: GiB; it grows by itself up to max_storage. backup_days: 1 to 35."""

    identifier: str
    database: str
    vpc: Vpc
    clients_group_id: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    engine_version: str
    instance_class: str
    storage: int
    max_storage: int
    multi_az: bool
    backup_days: int
    deletion_protection: bool


class Database(pulumi.ComponentResource):
    """An encrypted PostgreSQL that only the cluster reaches, over TLS, whose password nobody ever sees."""

    address: pulumi.Output[str]
    secret_arn: pulumi.Output[str]

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:Database", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = ec2.SecurityGroup(
            f"{name}-group",
            name=args.identifier,
            description="Tracking database",
            vpc_id=args.vpc.id,
            tags={"Name": args.identifier},
            opts=child,
        )
        vpc.SecurityGroupIngressRule(
            f"{name}-postgresql",
            security_group_id=group.id,
            description="PostgreSQL from the nodes of the cluster",
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            referenced_security_group_id=args.clients_group_id,
            tags={"Name": "postgresql-from-nodes"},
            opts=child,
        )
        subnets = rds.SubnetGroup(
            f"{name}-subnets",
            name=args.identifier,
            description="Subnets without a way out",
            subnet_ids=list(args.vpc.intra.values()),
            tags={"Name": args.identifier},
            opts=child,
        )
        major = args.engine_version.partition(".")[0]
        parameters = rds.ParameterGroup(
            f"{name}-parameters",
            name=f"{args.identifier}-postgres{major}",
            family=f"postgres{major}",
            description="TLS only, slow statements logged",
            parameters=[
                {"name": "rds.force_ssl", "value": "1", "apply_method": "immediate"},
                # Milliseconds.
                {"name": "log_min_duration_statement", "value": "1000", "apply_method": "immediate"},
            ],
            tags={"Name": args.identifier},
            opts=child,
        )
        instance = rds.Instance(
            f"{name}-instance",
            identifier=args.identifier,
            engine="postgres",
            engine_version=args.engine_version,
            instance_class=args.instance_class,
            db_name=args.database,
            username="platform",
            # RDS makes the password, keeps it in Secrets Manager and rotates it: it is in no state file.
            manage_master_user_password=True,
            master_user_secret_kms_key_id=args.key_arn,
            allocated_storage=args.storage,
            max_allocated_storage=args.max_storage,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=args.key_arn,
            db_subnet_group_name=subnets.name,
            parameter_group_name=parameters.name,
            vpc_security_group_ids=[group.id],
            publicly_accessible=False,
            multi_az=args.multi_az,
            backup_retention_period=args.backup_days,
            copy_tags_to_snapshot=True,
            delete_automated_backups=False,
            auto_minor_version_upgrade=True,
            iam_database_authentication_enabled=True,
            performance_insights_enabled=has_insights(args.instance_class),
            performance_insights_kms_key_id=args.key_arn if has_insights(args.instance_class) else None,
            enabled_cloudwatch_logs_exports=["postgresql", "upgrade"],
            deletion_protection=args.deletion_protection,
            skip_final_snapshot=False,
            final_snapshot_identifier=f"{args.identifier}-final",
            tags={"Name": args.identifier, tags.BACKUP: "daily"},
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self.address = instance.address
        self.secret_arn = instance.master_user_secrets[0].secret_arn
        self.register_outputs({"address": self.address, "secretArn": self.secret_arn})
