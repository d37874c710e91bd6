"""Whether an AWS account has what an environment needs: one function a subject, each answers with findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from botocore.exceptions import ClientError

from components.aws import tags
from ops.needs import ADDRESSES, VPCS, Needs, Quota

Status = Literal["ok", "missing", "look"]


class Clients(Protocol):
    """Where clients come from: a boto3 session in the account's region."""

    def client(self, service_name: str, /) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row: what was checked, what is needed and what there is, and the remedy where that is not enough."""

    check: str
    needed: str
    have: str
    status: Status
    remedy: str = ""


def failure_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def is_ours(found: Iterable[dict[str, str]], stack: str) -> bool:
    """Whether tags say that this very stack made a resource. AWS spells the keys of tags in two ways."""
    pairs = {tag.get("Key", tag.get("TagKey")): tag.get("Value", tag.get("TagValue")) for tag in found}
    return pairs.get(tags.ENVIRONMENT) == stack and pairs.get(tags.MANAGED_BY) == "pulumi"


def account(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """The credentials are those of the account that the stack file names."""
    have = clients.client("sts").get_caller_identity()["Account"]
    yield Finding(
        check="account",
        needed=needs.account,
        have=have,
        status="ok" if have == needs.account else "missing",
        remedy=f"use credentials of {needs.account}, or change cluster.account",
    )


def quota_value(client: Any, quota: Quota) -> float:
    """The account's value of a quota; AWS's default where none was ever set."""
    names = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        return float(client.get_service_quota(**names)["Quota"]["Value"])
    except ClientError as error:
        if failure_code(error) != "NoSuchResourceException":
            raise
        return float(client.get_aws_default_service_quota(**names)["Quota"]["Value"])


def _request(quota: Quota, value: float, region: str) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --region {region} --service-code {quota.service} "
        f"--quota-code {quota.code} --desired-value {value:g}"
    )


def compute_quotas(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """The vCPU quotas hold all pools at their maximum. What already runs beside them comes on top."""
    client = clients.client("service-quotas")
    for quota, wanted in sorted(needs.vcpus.items(), key=lambda item: item[0].code):
        have = quota_value(client, quota)
        yield Finding(
            check=f"{quota.name} ({quota.code})",
            needed=str(wanted),
            have=f"{have:g}",
            status="ok" if have >= wanted else "missing",
            remedy=_request(quota, wanted, needs.region),
        )


def _limited(clients: Clients, quota: Quota, used: int, wanted: int, region: str) -> Finding:
    have = quota_value(clients.client("service-quotas"), quota)
    return Finding(
        check=f"{quota.name} ({quota.code})",
        needed=f"{wanted} more",
        have=f"{used} of {have:g} used",
        status="ok" if used + wanted <= have else "missing",
        remedy=_request(quota, used + wanted, region),
    )


def network_limits(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """There is room for the VPC and for the addresses of its NAT gateways, unless they are there already."""
    ec2 = clients.client("ec2")
    if needs.vpcs:
        vpcs = ec2.describe_vpcs()["Vpcs"]
        ours = sum(is_ours(vpc.get("Tags", []), needs.stack) for vpc in vpcs)
        yield _limited(clients, VPCS, len(vpcs), max(needs.vpcs - ours, 0), needs.region)
    if needs.addresses:
        addresses = ec2.describe_addresses()["Addresses"]
        ours = sum(is_ours(address.get("Tags", []), needs.stack) for address in addresses)
        yield _limited(clients, ADDRESSES, len(addresses), max(needs.addresses - ours, 0), needs.region)


def offerings(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """EC2 offers each instance type of a pool in the pool's zones."""
    ec2 = clients.client("ec2")
    wanted = sorted({kind for pool in needs.pools for kind in pool.types})
    filters = [{"Name": "instance-type", "Values": wanted}]
    offered: dict[str, set[str]] = {}
    pages = ec2.get_paginator("describe_instance_type_offerings")
    for page in pages.paginate(LocationType="availability-zone", Filters=filters):
        for offering in page["InstanceTypeOfferings"]:
            offered.setdefault(offering["InstanceType"], set()).add(offering["Location"])
    for pool in needs.pools:
        for kind in pool.types:
            zones = [zone for zone in pool.zones if zone in offered.get(kind, set())]
            others = sorted(offered.get(kind, set()))
            yield Finding(
                check=f"pool {pool.name}: {kind}",
                needed=", ".join(pool.zones),
                have=", ".join(zones) or "no zone of the pool",
                status="missing" if not zones else "ok" if len(zones) == len(pool.zones) else "look",
                remedy=f"offered in {', '.join(others)}: choose zones or another type"
                if others
                else f"not offered in {needs.region}: choose another type or region",
            )


def reservations(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """The capacity reservations of pools exist, with the right type, in one of the pool's zones."""
    for pool in needs.pools:
        if not pool.reservation:
            continue
        ec2, have, status = clients.client("ec2"), "not found", "missing"
        try:
            found = ec2.describe_capacity_reservations(CapacityReservationIds=[pool.reservation])
        except ClientError as error:
            if not failure_code(error).startswith("InvalidCapacityReservationId"):
                raise
            found = {"CapacityReservations": []}
        for one in found["CapacityReservations"]:
            have = f"{one['State']}, {one['TotalInstanceCount']} {one['InstanceType']} in {one['AvailabilityZone']}"
            fits = one["InstanceType"] in pool.types and one["AvailabilityZone"] in pool.zones
            enough = one["TotalInstanceCount"] >= pool.max and one["State"] in ("active", "scheduled", "pending")
            status = "ok" if fits and enough else "missing"
        yield Finding(
            check=f"pool {pool.name}: reservation {pool.reservation}",
            needed=f"{pool.max} {' or '.join(pool.types)} in {', '.join(pool.zones)}",
            have=have,
            status="ok" if status == "ok" else "missing",
            remedy="buy a capacity block, and write its id under reservation:",
        )


def _names(check: str, wanted: Iterable[str], owner: Callable[[str], bool | None], remedy: str) -> Iterator[Finding]:
    """Names that must be free or ours. `owner` answers None for a free name, else whether it is ours."""
    names = list(wanted)
    taken = [name for name in names if owner(name) is False]
    if names:
        yield Finding(
            check=check,
            needed=f"{len(names)} free or ours",
            have=f"taken: {', '.join(taken)}" if taken else "all are",
            status="missing" if taken else "ok",
            remedy=remedy,
        )


def role_names(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """No role of another owner has a name that the stack gives."""
    iam = clients.client("iam")

    def owner(name: str) -> bool | None:
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except ClientError as error:
            if failure_code(error) == "NoSuchEntity":
                return None
            raise
        return is_ours(role.get("Tags", []), needs.stack)

    yield from _names("IAM roles", needs.roles, owner, "delete them, or choose another cluster.name")


def key_aliases(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """No KMS key of another owner has an alias that the stack gives."""
    kms = clients.client("kms")
    pages = kms.get_paginator("list_aliases").paginate()
    targets = {alias["AliasName"]: alias.get("TargetKeyId") for page in pages for alias in page["Aliases"]}

    def owner(name: str) -> bool | None:
        if name not in targets:
            return None
        return bool(targets[name]) and is_ours(kms.list_resource_tags(KeyId=targets[name])["Tags"], needs.stack)

    yield from _names("KMS aliases", needs.aliases, owner, "delete them, or choose another cluster.name")


def bucket_names(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """The names of buckets, which are unique in the world, are free or ours."""
    s3 = clients.client("s3")

    def owner(name: str) -> bool | None:
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

    yield from _names("S3 buckets", needs.buckets, owner, "delete them, or rename them under buckets:")


def versions(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """EKS knows the Kubernetes version, and each add-on in the catalog's version for it."""
    eks = clients.client("eks")
    known = {one["clusterVersion"]: one for one in eks.describe_cluster_versions()["clusterVersions"]}
    support = str(known.get(needs.kubernetes, {}).get("versionStatus", "unknown")).lower().replace("_", " ")
    yield Finding(
        check="Kubernetes version",
        needed=needs.kubernetes,
        have=support if needs.kubernetes in known else f"EKS has {', '.join(sorted(known))}",
        status="missing" if needs.kubernetes not in known else "ok" if support == "standard support" else "look",
        remedy="change cluster.version; extended support costs six times as much",
    )
    for addon, version in needs.addons.items():
        answer = eks.describe_addon_versions(addonName=addon, kubernetesVersion=needs.kubernetes)
        offered = [one["addonVersion"] for found in answer["addons"] for one in found["addonVersions"]]
        yield Finding(
            check=f"add-on {addon}",
            needed=version,
            have="offered" if version in offered else f"newest is {offered[0]}" if offered else "not offered",
            status="ok" if version in offered else "missing",
            remedy=f"change it in catalog.yaml under eks.kubernetes.{needs.kubernetes}",
        )


CHECKS: tuple[Callable[[Needs, Clients], Iterator[Finding]], ...] = (
    account,
    versions,
    compute_quotas,
    network_limits,
    offerings,
    reservations,
    role_names,
    key_aliases,
    bucket_names,
)


def check(needs: Needs, clients: Clients) -> list[Finding]:
    """Every finding. In the wrong account only that one: the others would be about somebody else's things."""
    first = list(account(needs, clients))
    if first[0].status != "ok":
        return first
    return [*first, *(finding for one in CHECKS[1:] for finding in one(needs, clients))]
