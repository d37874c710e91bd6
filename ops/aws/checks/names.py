"""Names that must be free, or belong to this stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from botocore.exceptions import ClientError

from ops.aws.checks.account import Clients, is_ours
from ops.aws.errors import failure_code
from ops.aws.needs import Needs
from ops.findings import Finding


def _check_names(
    check: str, wanted: Iterable[str], is_own: Callable[[str], bool | None], remedy: str
) -> Iterator[Finding]:
    """Whether names are free or ours. `is_own` answers None for a free name, otherwise whether it is ours."""
    names = list(wanted)
    taken = [name for name in names if is_own(name) is False]
    if names:
        yield Finding(
            check=check,
            needed=f"{len(names)} free or ours",
            have=f"taken: {', '.join(taken)}" if taken else "all of them",
            status="missing" if taken else "ok",
            remedy=remedy,
        )


def role_names(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """No role of another owner has a name that the stack uses."""
    iam = clients.client("iam")

    def is_own(name: str) -> bool | None:
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except ClientError as error:
            if failure_code(error) == "NoSuchEntity":
                return None
            raise
        return is_ours(role.get("Tags", []), needs.stack)

    yield from _check_names("IAM roles", needs.roles, is_own, "delete them, or choose another cluster.name")


def key_aliases(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """No KMS key of another owner has an alias that the stack uses."""
    kms = clients.client("kms")
    pages = kms.get_paginator("list_aliases").paginate()
    targets = {alias["AliasName"]: alias.get("TargetKeyId") for page in pages for alias in page["Aliases"]}

    def is_own(name: str) -> bool | None:
        if name not in targets:
            return None
        return bool(targets[name]) and is_ours(kms.list_resource_tags(KeyId=targets[name])["Tags"], needs.stack)

    yield from _check_names("KMS aliases", needs.aliases, is_own, "delete them, or choose another cluster.name")


def bucket_names(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """The names of buckets, which are unique worldwide, are free or ours."""
    s3 = clients.client("s3")

    def is_own(name: str) -> bool | None:
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            if failure_code(error) in ("404", "NoSuchBucket"):
                return None
            if failure_code(error) in ("403", "301"):
                return False
            raise
        try:
            return is_ours(s3.get_bucket_tagging(Bucket=name)["TagSet"], needs.stack)
        except ClientError as error:
            if failure_code(error) == "NoSuchTagSet":
                return False
            raise

    yield from _check_names("S3 buckets", needs.buckets, is_own, "delete them, or rename them under buckets:")
