"""Machines: instance types in their zones, and capacity reservations."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from ops.aws.checks.account import Clients
from ops.aws.errors import failure_code
from ops.aws.needs import Needs
from ops.findings import Finding


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
            remedy="buy a capacity block, and set its id under reservation:",
        )
