"""What the resources of a graph cost on AWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.aws.node_costs import NODE_GROUP, NODE_POOL, gpu_pool, karpenter_pool, node_group
from ops.aws.price_table import FALLBACK_REGION, Prices, load
from ops.aws.service_costs import PRICED, claim, load_balancer
from ops.bill import GpuPool, Item, Line

PREFIX = "aws:"
PROVIDER = "pulumi:providers:aws"
SERVICE = "kubernetes:core/v1:Service"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
# Resources without a price of their own: what they cost is on the bill of another resource, or of the traffic.
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


@dataclass(frozen=True, kw_only=True)
class AwsPricing:
    """Prices of AWS in one region. Implements `ops.bill.Pricing`."""

    prices: Prices

    @property
    def hours(self) -> float:
        return self.prices.hours

    @property
    def note(self) -> str:
        return self.prices.note

    def bills(self, item: Item) -> bool:
        return item.type.startswith(PREFIX)

    def line(self, item: Item, graph: Sequence[Item]) -> Line | None:
        if item.type == NODE_GROUP:
            return node_group(item, graph, self.prices)
        if item.type == NODE_POOL:
            return karpenter_pool(item, graph, self.prices)
        if item.type == CLAIM:
            return claim(item, self.prices)
        if item.type == SERVICE:
            return load_balancer(item, self.prices) if item.at("spec", "type") == "LoadBalancer" else None
        price = PRICED.get(item.type)
        return price(item, self.prices) if price else None

    def lacks(self, item: Item) -> bool:
        known = item.type in (*PRICED, NODE_GROUP) or item.type.startswith(FREE)
        return self.bills(item) and not known

    def gpu_pool(self, item: Item, graph: Sequence[Item]) -> GpuPool | None:
        return gpu_pool(item, graph, self.prices)


def region_of(graph: Sequence[Item]) -> str | None:
    """The region of a graph: that of its AWS provider."""
    regions = (item.at("region") for item in graph if item.type == PROVIDER)
    return next((str(region) for region in regions if region), None)


def find_pricing(graph: Sequence[Item], region: str | None) -> AwsPricing | None:
    """The prices for a graph, in its own region unless another is given; None for a graph without AWS resources."""
    if not any(item.type.startswith(PREFIX) for item in graph):
        return None
    return AwsPricing(prices=load(region or region_of(graph) or FALLBACK_REGION))
