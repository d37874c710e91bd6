"""What an AWS environment keeps: buckets, file systems, images, a database, their backups, and the budget."""

from __future__ import annotations

import pulumi

from components.aws import tags
from components.aws.budgets import MonthlyBudget, MonthlyBudgetArgs
from components.aws.compute.cluster import EksCluster
from components.aws.data.backup import BackupPlan, BackupPlanArgs
from components.aws.data.database import Database, DatabaseArgs
from components.aws.data.efs import SharedFiles, SharedFilesArgs
from components.aws.data.fsx import Lustre, LustreArgs
from components.aws.data.registry import ImageRepository, ImageRepositoryArgs, PullThroughCache, PullThroughCacheArgs
from components.aws.data.storage import AccessLog, AccessLogArgs, DataBucket, DataBucketArgs
from stacks.clouds.aws.foundation import Foundation


class Data:
    """Everything of an environment that has a state of its own. It knows the cluster only as its client."""

    buckets: dict[str, pulumi.Output[str]]
    images: dict[str, pulumi.Output[str]]
    files: SharedFiles | None
    lustre: Lustre | None
    database: Database | None

    def __init__(self, foundation: Foundation, eks: EksCluster) -> None:
        self._base, self._config, self._eks = foundation, foundation.config, eks
        self.buckets = self._buckets()
        self.files = self._shared_files()
        self.lustre = self._lustre()
        self.images = self._images()
        self.database = self._database()
        self._backup()
        self._budget()

    def _buckets(self) -> dict[str, pulumi.Output[str]]:
        config = self._config
        if not config.buckets:
            return {}
        log = AccessLog(
            "access-log",
            AccessLogArgs(account=self._base.account, bucket=config.bucket_name("access-log")),
            self._base.opts,
        )
        return {
            bucket.name: DataBucket(
                f"bucket-{bucket.name}",
                DataBucketArgs(
                    account=self._base.account,
                    bucket=config.bucket_name(bucket.name),
                    key_arn=self._base.data_key,
                    log_bucket=log.bucket,
                    noncurrent_days=bucket.noncurrent_days,
                    scratch_days=bucket.scratch_days,
                    backed_up=bucket.backup,
                ),
                self._base.opts,
            ).bucket
            for bucket in config.buckets
        }

    def _images(self) -> dict[str, pulumi.Output[str]]:
        config = self._config
        repositories = {
            image: ImageRepository(
                f"image-{image}",
                ImageRepositoryArgs(repository=f"{config.name}/{image}", key_arn=self._base.data_key),
                self._base.opts,
            ).url
            for image in config.registry.images
        }
        if config.registry.cache:
            PullThroughCache(
                "image-cache",
                PullThroughCacheArgs(
                    account=self._base.account,
                    prefix=f"{config.name}-cache",
                    key_arn=self._base.data_key,
                    resource_tags=self._base.tags,
                ),
                self._base.opts,
            )
        return repositories

    def _backup(self) -> None:
        if self._config.backup:
            BackupPlan(
                "backup",
                BackupPlanArgs(account=self._base.account, plan=self._config.name, key_arn=self._base.data_key),
                self._base.opts,
            )

    def _budget(self) -> None:
        if self._config.budget is not None:
            MonthlyBudget(
                "budget",
                MonthlyBudgetArgs(
                    budget=self._config.name,
                    limit=self._config.budget.limit,
                    tag=(tags.ENVIRONMENT, self._base.stack),
                    emails=self._config.budget.emails,
                ),
                self._base.opts,
            )

    def _shared_files(self) -> SharedFiles | None:
        if self._config.shared_files is None:
            return None
        args = SharedFilesArgs(
            file_system=f"{self._config.name}-files",
            vpc=self._base.vpc,
            clients_group_id=self._eks.security_group_id,
            key_arn=self._base.data_key,
            backed_up=self._config.shared_files.backup,
        )
        return SharedFiles("files", args, self._base.opts)

    def _lustre(self) -> Lustre | None:
        wanted = self._config.lustre
        if wanted is None:
            return None
        args = LustreArgs(
            file_system=f"{self._config.name}-lustre",
            vpc=self._base.vpc,
            zone=wanted.zone,
            clients_group_id=self._eks.security_group_id,
            key_arn=self._base.data_key,
            capacity=wanted.capacity,
            throughput=wanted.throughput,
            bucket=self.buckets[wanted.bucket],
        )
        return Lustre("lustre", args, self._base.opts)

    def _database(self) -> Database | None:
        wanted = self._config.database
        if wanted is None:
            return None
        args = DatabaseArgs(
            identifier=f"{self._config.name}-tracking",
            database="tracking",
            vpc=self._base.vpc,
            clients_group_id=self._eks.security_group_id,
            key_arn=self._base.data_key,
            engine_version=wanted.version,
            instance_class=wanted.instance_class,
            storage=wanted.storage,
            max_storage=wanted.max_storage,
            multi_az=wanted.multi_az,
            backup_days=wanted.backup_days,
            deletion_protection=self._config.deletion_protection,
        )
        return Database("database", args, self._base.opts)
