"""What an AWS environment keeps: buckets, file systems, images, a database; and what each team has of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from stacks.clouds.aws.types import DatabaseClass, DatabaseVersion, Zone
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, rule
from stacks.language.types import Email, Name


class Bucket(ConfigModel):
    """An S3 bucket, in which every team has the prefix `teams/<team>/`."""

    name: Name = Field(description="Name. The bucket is called `<cluster>-<name>-<account>`.")
    noncurrent_days: int = Field(
        default=30, ge=1, le=3650, description="Days for which a deleted object can be restored."
    )
    scratch_days: int | None = Field(
        default=None, ge=1, le=3650, description="Days after which objects expire. Default: never."
    )
    backup: bool = Field(default=False, description="Whether AWS Backup backs it up every day.")


class SharedFilesConfig(ConfigModel):
    """An EFS file system, with a folder for each team and a StorageClass `efs`."""

    backup: bool = Field(default=True, description="Whether AWS Backup backs it up every day.")


class LustreConfig(ConfigModel):
    """An FSx for Lustre file system that mirrors a bucket."""

    bucket: Name = Field(description="Bucket, by its name under `buckets`.")
    zone: Zone = Field(description="Availability zone of the file system; use the zone of the pool that reads it.")
    capacity: int = Field(default=1200, ge=1200, le=1_000_000, description="GiB: 1200, or a multiple of 2400.")
    throughput: Literal[125, 250, 500, 1000] = Field(default=125, description="MB/s per TiB.")

    @rule()
    def _steps(self) -> Iterator[Fault]:
        if self.capacity != 1200 and self.capacity % 2400:
            above = (self.capacity // 2400 + 1) * 2400
            message = f"{self.capacity} is neither 1200 nor a multiple of 2400; write {above}"
            yield Fault(path=("capacity",), message=message)


class DatabaseConfig(ConfigModel):
    """A PostgreSQL database for the tracking server."""

    version: DatabaseVersion = Field(default="17.6", description="Version of PostgreSQL.")
    instance_class: DatabaseClass = Field(default="db.t4g.medium", description="Instance class of RDS.")
    storage: int = Field(default=50, ge=20, le=65536, description="Initial storage in GiB.")
    max_storage: int = Field(
        default=500, ge=20, le=65536, description="Largest size in GiB to which storage grows automatically."
    )
    multi_az: bool = Field(default=False, description="Whether there is a standby in another zone.")
    backup_days: int = Field(default=14, ge=1, le=35, description="Days of point-in-time recovery.")

    @rule()
    def _sizes(self) -> Iterator[Fault]:
        if self.max_storage < self.storage:
            message = f"{self.max_storage} is below storage, {self.storage}; write at least {self.storage}"
            yield Fault(path=("maxStorage",), message=message)


class Registry(ConfigModel):
    """ECR repositories of the platform."""

    images: Many[Name] = Field(default=(), description="Images. Each has the repository `<cluster>/<image>`.")
    cache: bool = Field(default=True, description="Whether public registries are pulled through ECR.")


def email_faults(emails: tuple[str, ...]) -> Iterator[Fault]:
    """Addresses of a budget: AWS takes one to ten."""
    if not 1 <= len(emails) <= 10:
        message = f"a budget tells somebody, and {len(emails)} addresses are given; name one to ten"
        yield Fault(path=("emails",), message=message)


class TeamResourcesConfig(ConfigModel):
    """Resources of one team in AWS, besides its role, key and folder."""

    team: Name = Field(description="Team, by its name under `teams`.")
    images: Many[Name] = Field(default=(), description="Images. Each has the repository `<cluster>/<team>/<image>`.")
    secrets: Many[Name] = Field(default=(), description="Entries of Secrets Manager. You set their values yourself.")
    budget: int | None = Field(default=None, ge=1, le=100_000_000, description="US dollars per month.")
    emails: Many[Email] = Field(default=(), description="Email addresses to notify of the budget, at most ten.")

    @rule("emails")
    def _emails(self) -> Iterator[Fault]:
        yield from email_faults(self.emails) if self.budget is not None else ()

    @rule()
    def _named_once(self) -> Iterator[Fault]:
        for key, names in (("images", self.images), ("secrets", self.secrets)):
            for index, name in enumerate(names):
                if name in names[:index]:
                    yield Fault(path=(key, index), message=f"{name!r} is there twice; remove one")
