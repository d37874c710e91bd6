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

    name: Name = Field(description="Name; the bucket is called `<cluster>-<name>-<account>`.")
    noncurrent_days: int = Field(
        default=30, ge=1, le=3650, description="How many days a deleted object can be brought back."
    )
    scratch_days: int | None = Field(
        default=None, ge=1, le=3650, description="Objects expire after so many days. Else they stay."
    )
    backup: bool = Field(default=False, description="Whether AWS Backup copies it every day.")


class SharedFilesConfig(ConfigModel):
    """An EFS file system, with a folder for each team and a StorageClass `efs`."""

    backup: bool = Field(default=True, description="Whether AWS Backup copies it every day.")


class LustreConfig(ConfigModel):
    """An FSx for Lustre file system that mirrors a bucket."""

    bucket: Name = Field(description="The bucket, by its name under buckets.")
    zone: Zone = Field(description="The zone that holds it; the pool that reads it should be there too.")
    capacity: int = Field(default=1200, ge=1200, le=1_000_000, description="GiB: 1200, or a multiple of 2400.")
    throughput: Literal[125, 250, 500, 1000] = Field(default=125, description="MB/s for each TiB.")

    @rule()
    def _steps(self) -> Iterator[Fault]:
        if self.capacity != 1200 and self.capacity % 2400:
            above = (self.capacity // 2400 + 1) * 2400
            message = f"{self.capacity} is neither 1200 nor a multiple of 2400; write {above}"
            yield Fault(path=("capacity",), message=message)


class DatabaseConfig(ConfigModel):
    """A PostgreSQL for the tracking server."""

    version: DatabaseVersion = Field(default="17.6", description="Version of PostgreSQL.")
    instance_class: DatabaseClass = Field(default="db.t4g.medium", description="Instance class of RDS.")
    storage: int = Field(default=50, ge=20, le=65536, description="GiB to begin with.")
    max_storage: int = Field(default=500, ge=20, le=65536, description="GiB up to which it grows by itself.")
    multi_az: bool = Field(default=False, description="A standby in another zone.")
    backup_days: int = Field(default=14, ge=1, le=35, description="Days that can be restored to the minute.")

    @rule()
    def _sizes(self) -> Iterator[Fault]:
        if self.max_storage < self.storage:
            message = f"{self.max_storage} is below storage, {self.storage}; write at least {self.storage}"
            yield Fault(path=("maxStorage",), message=message)


class Registry(ConfigModel):
    """ECR repositories of the platform."""

    images: Many[Name] = Field(default=(), description="Images; each has the repository `<cluster>/<image>`.")
    cache: bool = Field(default=True, description="Whether public registries are pulled through ECR.")


def email_faults(emails: tuple[str, ...]) -> Iterator[Fault]:
    """Addresses of a budget: AWS takes one to ten."""
    if not 1 <= len(emails) <= 10:
        message = f"a budget tells somebody, and {len(emails)} addresses are given; name one to ten"
        yield Fault(path=("emails",), message=message)


class TeamResourcesConfig(ConfigModel):
    """What one team of the environment has in AWS, beside its role, key and folder."""

    team: Name = Field(description="The team, by its name under teams.")
    images: Many[Name] = Field(default=(), description="Images; each has a repository `<cluster>/<team>/<image>`.")
    secrets: Many[Name] = Field(default=(), description="Entries of Secrets Manager; their values are put in by hand.")
    budget: int | None = Field(default=None, ge=1, le=100_000_000, description="US dollars a month.")
    emails: Many[Email] = Field(default=(), description="Who is told when the budget runs out, at most ten.")

    @rule("emails")
    def _emails(self) -> Iterator[Fault]:
        yield from email_faults(self.emails) if self.budget is not None else ()

    @rule()
    def _named_once(self) -> Iterator[Fault]:
        for key, names in (("images", self.images), ("secrets", self.secrets)):
            for index, name in enumerate(names):
                if name in names[:index]:
                    yield Fault(path=(key, index), message=f"{name!r} is there twice; remove one")
