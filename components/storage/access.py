"""How a team's workloads reach a storage: as folders of a mounted claim, or as objects of a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pulumi

from components.pods import Mount, SecretKey

# The keys of a Secret with credentials of S3, whoever made it.
ACCESS_KEY_ID = "accessKeyId"
SECRET_ACCESS_KEY = "secretAccessKey"  # noqa: S105  the name of a key, no secret


class Access(Protocol):
    """What a pod needs to read and write a storage. All of it is plain text: the versions of Jobs hash it."""

    def root(self, path: str) -> str:
        """Where the storage is for a program that would have it mounted at `path`: that path, or a URI."""
        ...

    def mounts(self, path: str, *, read_only: bool) -> tuple[Mount, ...]:
        """The mounts that a container needs for it."""
        ...

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables that say where the storage is."""
        ...

    @property
    def secrets(self) -> Mapping[str, SecretKey]:
        """Environment variables whose values are in Secrets."""
        ...


@dataclass(frozen=True, kw_only=True)
class ClaimAccess:
    """A claim of the team's namespace, mounted."""

    claim: str

    def root(self, path: str) -> str:
        return path

    def mounts(self, path: str, *, read_only: bool) -> tuple[Mount, ...]:
        return (Mount(claim=self.claim, path=path, read_only=read_only),)

    @property
    def variables(self) -> Mapping[str, str]:
        return {}

    @property
    def secrets(self) -> Mapping[str, SecretKey]:
        return {}


@dataclass(frozen=True, kw_only=True)
class BucketAccess:
    """A part of a bucket, `s3://<bucket>/<prefix>` without a slash at its end.

    The variables are those that AWS's own clients read. Without `secret`, which names a Secret of the team's
    namespace, a pod has what its service account is allowed (workload identity); without `endpoint` the bucket
    is in AWS.
    """

    uri: str
    region: str
    endpoint: str | None = None
    secret: str | None = None

    def root(self, path: str) -> str:
        del path
        return self.uri

    def mounts(self, path: str, *, read_only: bool) -> tuple[Mount, ...]:
        del path, read_only
        return ()

    @property
    def variables(self) -> Mapping[str, str]:
        endpoint = {"AWS_ENDPOINT_URL": self.endpoint} if self.endpoint else {}
        return {"AWS_REGION": self.region, **endpoint}

    @property
    def secrets(self) -> Mapping[str, SecretKey]:
        if self.secret is None:
            return {}
        return {
            "AWS_ACCESS_KEY_ID": SecretKey(secret=self.secret, key=ACCESS_KEY_ID),
            "AWS_SECRET_ACCESS_KEY": SecretKey(secret=self.secret, key=SECRET_ACCESS_KEY),
        }


class TeamStorage(pulumi.ComponentResource):
    """One storage of one team: what a workload writes, the others of the team read."""

    access: Access
