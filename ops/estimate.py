"""What a stack costs in a month, from the graph that a preview recorded: at least (floor) and at most (ceiling)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from components.labels import TEAM_LABEL
from ops.bill import SHARED, Estimate, Item, Line, number
from ops.node_costs import GPU, NODE_GROUP, NODE_POOL, gpu_pool, karpenter_pool, node_group
from ops.preview import Preview
from ops.price_table import Prices
from ops.service_costs import PRICED, claim, load_balancer

QUOTA = "kubernetes:core/v1:ResourceQuota"
NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE = "kubernetes:core/v1:Service"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
Side = Literal["before", "after"]

# AWS resources without a price of their own: what they cost is the bill of something else, or of the traffic.
FREE = (
    "aws:iam/",
    "aws:vpc/",
    "aws:ec2/vpc:",
    "aws:ec2/subnet:",
    "aws:ec2/route",
    "aws:ec2/securityGroup",
    "aws:ec2/internetGateway",
    "aws:ec2/launchTemplate",
    "aws:ec2/placementGroup",
    "aws:ec2/flowLog",
    "aws:ec2/tag",
    "aws:ec2/defaultSecurityGroup",
    "aws:ec2/networkAcl",
    "aws:eks/accessEntry",
    "aws:eks/accessPolicyAssociation",
    "aws:eks/addon",
    "aws:eks/podIdentityAssociation",
    "aws:autoscaling/",
    "aws:s3/bucket",
    "aws:efs/",
    "aws:ecr/",
    "aws:fsx/dataRepositoryAssociation",
    "aws:rds/subnetGroup",
    "aws:rds/parameterGroup",
    "aws:kms/alias",
    "aws:cloudwatch/event",
    "aws:sqs/",
    "aws:secretsmanager/secretPolicy",
    "aws:secretsmanager/secretVersion",
    "aws:budgets/",
    "aws:backup/",
    "aws:costexplorer/",
    "aws:ssm/",
)


def items(preview: Preview, side: Side) -> list[Item]:
    """What there is before, or after, the previewed change."""
    found: list[Item] = []
    for resource in preview.resources:
        state = resource.before if side == "before" else resource.after
        if state is not None:
            found.append(Item(type=resource.type, name=resource.name, inputs=state.inputs))
    return found


def _line(item: Item, everything: Sequence[Item], prices: Prices) -> Line | None:
    if item.type == NODE_GROUP:
        return node_group(item, everything, prices)
    if item.type == NODE_POOL:
        return karpenter_pool(item, everything, prices)
    if item.type == CLAIM:
        return claim(item, prices)
    if item.type == SERVICE:
        return load_balancer(item, prices) if item.at("spec", "type") == "LoadBalancer" else None
    price = PRICED.get(item.type)
    return price(item, prices) if price else None


def estimate(everything: Sequence[Item], prices: Prices) -> Estimate:
    """The bill of a graph. One without AWS resources has no lines: nobody sends a bill for it."""
    if not any(item.type.startswith("aws:") for item in everything):
        return Estimate(lines=())
    lines = [line for item in everything if (line := _line(item, everything, prices))]
    strange = {
        item.type
        for item in everything
        if item.type.startswith("aws:") and item.type not in (*PRICED, NODE_GROUP) and not item.type.startswith(FREE)
    }
    return Estimate(
        lines=tuple(line for line in lines if line.ceiling or line.note),
        unpriced=tuple(sorted(strange)),
        quotas=dict(_quotas(everything, prices)),
    )


def _quotas(everything: Sequence[Item], prices: Prices) -> Iterator[tuple[str, float]]:
    """The most that a team's quota can use of the shared pools: their dearest GPUs, as many as there are."""
    shared = [item for item in everything if item.team == SHARED]
    pools = [pool for item in shared if (pool := gpu_pool(item, everything, prices))]
    pools.sort(key=lambda pool: -pool.hourly)
    spaces = [item for item in everything if item.type == NAMESPACE]
    owners = {space.at("metadata", "name"): space.at("metadata", "labels", TEAM_LABEL) for space in spaces}
    for quota in (item for item in everything if item.type == QUOTA):
        team = quota.at("metadata", "labels", TEAM_LABEL) or owners.get(quota.at("metadata", "namespace"))
        gpus = number(quota.at("spec", "hard", f"requests.{GPU}"))
        cost = 0.0
        for pool in pools:
            used = min(gpus, pool.gpus)
            gpus -= used
            cost += used * pool.hourly * prices.hours
        if team and cost:
            yield str(team), cost


def region_of(everything: Sequence[Item]) -> str | None:
    """The region of a graph: that of its AWS provider."""
    for item in everything:
        if item.type == "pulumi:providers:aws" and item.at("region"):
            return str(item.at("region"))
    return None
