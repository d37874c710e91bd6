"""Service Quotas: room for the machines and the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from ops.aws.checks.account import Clients, is_ours
from ops.aws.errors import failure_code
from ops.aws.needs import ADDRESSES, VPCS, Needs, Quota
from ops.findings import Finding


def quota_value(client: Any, quota: Quota) -> float:
    """The account's value of a quota, or AWS's default when the account has none of its own."""
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
    """The vCPU quotas are large enough for all pools at their maximum. What already runs there comes on top."""
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
    """There is room for the VPC and for the addresses of its NAT gateways, unless they exist already."""
    ec2 = clients.client("ec2")
    if needs.vpcs:
        vpcs = ec2.describe_vpcs()["Vpcs"]
        ours = sum(is_ours(vpc.get("Tags", []), needs.stack) for vpc in vpcs)
        yield _limited(clients, VPCS, len(vpcs), max(needs.vpcs - ours, 0), needs.region)
    if needs.addresses:
        addresses = ec2.describe_addresses()["Addresses"]
        ours = sum(is_ours(address.get("Tags", []), needs.stack) for address in addresses)
        yield _limited(clients, ADDRESSES, len(addresses), max(needs.addresses - ours, 0), needs.region)
