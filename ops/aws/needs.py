"""What an environment needs in its AWS account, from its stack file. Nothing here talks to AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from components import catalog
from components.aws.compute import instance_types
from components.aws.compute.addons import IN_AUTO_MODE
from components.aws.compute.addons import REQUIRED as REQUIRED_ADDONS
from stacks.clouds.aws.config import AwsCluster
from stacks.clouds.aws.network_config import NewNetwork
from stacks.clouds.aws.pools_config import NodePoolConfig
from stacks.environment.config import Environment


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A Service Quota. `code` is AWS's, stable over accounts and regions."""

    service: str
    code: str
    name: str


STANDARD = Quota(service="ec2", code="L-1216C47A", name="Running On-Demand Standard instances, vCPUs")
ON_DEMAND_G = Quota(service="ec2", code="L-DB2E81BA", name="Running On-Demand G and VT instances, vCPUs")
ON_DEMAND_P = Quota(service="ec2", code="L-417A185B", name="Running On-Demand P instances, vCPUs")
SPOT_STANDARD = Quota(service="ec2", code="L-34B43A08", name="All Standard Spot Instance Requests, vCPUs")
SPOT_G = Quota(service="ec2", code="L-3819A6DF", name="All G and VT Spot Instance Requests, vCPUs")
SPOT_P = Quota(service="ec2", code="L-7212CCBC", name="All P4, P3 and P2 Spot Instance Requests, vCPUs")
SPOT_P5 = Quota(service="ec2", code="L-C4BD4855", name="All P5 Spot Instance Requests, vCPUs")
ADDRESSES = Quota(service="ec2", code="L-0263D0A3", name="EC2-VPC Elastic IPs")
VPCS = Quota(service="vpc", code="L-F678F1CE", name="VPCs per Region")


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool's machines. `reservation`: the capacity reservation of a capacity block."""

    name: str
    types: tuple[str, ...]
    zones: tuple[str, ...]
    max: int
    reservation: str | None = None


@dataclass(frozen=True, kw_only=True)
class Needs:
    """All that the checks ask for. `vcpus` by quota; roles, aliases and buckets are names that must be free or ours."""

    account: str
    region: str
    stack: str
    cluster: str
    kubernetes: str
    vcpus: dict[Quota, int]
    pools: tuple[Pool, ...]
    addresses: int
    vpcs: int
    addons: dict[str, str]
    roles: tuple[str, ...]
    aliases: tuple[str, ...]
    buckets: tuple[str, ...]


def quota_of(instance_type: str, capacity: str) -> Quota | None:
    """The vCPU quota that an instance counts against; None for a capacity block, which is paid in advance."""
    if capacity == "capacity-block":
        return None
    spot = capacity == "spot"
    if instance_type.startswith(("g", "vt")):
        return SPOT_G if spot else ON_DEMAND_G
    if instance_type.startswith("p"):
        if not spot:
            return ON_DEMAND_P
        return SPOT_P5 if instance_type.startswith(("p5", "p6")) else SPOT_P
    return SPOT_STANDARD if spot else STANDARD


def vcpus(pools: tuple[NodePoolConfig, ...]) -> dict[Quota, int]:
    """The vCPUs of all pools at their maximum, by quota: each pool with the largest of its types."""
    found: dict[Quota, int] = {}
    for pool in pools:
        largest: dict[Quota, int] = {}
        for name in pool.instance_types:
            if quota := quota_of(name, pool.capacity):
                largest[quota] = max(largest.get(quota, 0), instance_types.named(name).vcpus)
        for quota, size in largest.items():
            found[quota] = found.get(quota, 0) + pool.max * size
    return found


def _roles(config: AwsCluster, environment: Environment, addons: dict[str, str]) -> Iterator[str]:
    yield from (f"{config.name}-{part}" for part in ("cluster", "nodes", "karpenter"))
    yield from (f"{config.name}-{addon}" for addon in addons)
    yield from (f"{config.name}-team-{team.name}" for team in environment.teams)


def _nat_gateways(network: NewNetwork) -> int:
    return len(network.zones) if network.nat == "per-zone" else 1


def list_needs(environment: Environment, stack: str) -> Needs:
    """What an environment needs. Raises LookupError for one that is not on AWS, or a version that the catalog lacks."""
    config = environment.cluster
    if not isinstance(config, AwsCluster):
        raise LookupError(f"its cluster is of kind {config.kind}: only `kind: aws` has anything to check in AWS")
    new = isinstance(config.network, NewNetwork)
    pinned = catalog.load().eks
    # EKS Auto Mode brings some add-ons along: the stack leaves those out.
    chosen = {*REQUIRED_ADDONS, *config.addons} - ({*IN_AUTO_MODE} if config.auto_mode else set[str]())
    addons = {addon: pinned.addon_version(addon, config.version) for addon in sorted(chosen)}
    return Needs(
        account=config.account,
        region=config.region,
        stack=stack,
        cluster=config.name,
        kubernetes=config.version,
        vcpus=vcpus(config.node_pools),
        pools=tuple(
            Pool(
                name=pool.name,
                types=pool.instance_types,
                zones=pool.zones or config.network.zones,
                max=pool.max,
                reservation=pool.reservation,
            )
            for pool in config.node_pools
        ),
        addresses=_nat_gateways(config.network) if isinstance(config.network, NewNetwork) else 0,
        vpcs=1 if new else 0,
        addons=addons,
        roles=tuple(_roles(config, environment, addons)),
        aliases=tuple(f"alias/{config.name}/{purpose}" for purpose in ("secrets", "data", "logs")),
        buckets=tuple(config.bucket_name(bucket.name) for bucket in config.buckets),
    )
