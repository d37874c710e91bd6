"""Nothing in AWS is open to the world."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph.resources import Resource, Stack
from policy.graph.values import UNKNOWN, differs, each, get, is_world, no, yes
from policy.rules.model import Level, ResourceRule, Settings, StackRule, resource_rule, stack_rule

SCHEME = "service.beta.kubernetes.io/aws-load-balancer-scheme"
# Annotations that make the load balancer of a Service internal.
INTERNAL_ANNOTATIONS = (
    (SCHEME, "internal"),
    ("service.beta.kubernetes.io/aws-load-balancer-internal", "true"),
)


@resource_rule(
    "eks-endpoint-private",
    types=("aws:eks/cluster:Cluster",),
    level=Level.MANDATORY,
    reason="the API server is the way to everything else",
    remedy="Set endpointPublicAccess to false, or publicAccessCidrs to the networks of your users.",
)
def eks_endpoint_private(cluster: Resource, _: Settings) -> Iterator[str]:
    """The endpoint of an EKS cluster is private, or public only for a list of networks."""
    vpc = get(cluster.props, "vpcConfig")
    # AWS makes the endpoint public unless told otherwise, for every address unless given a list.
    if not differs(get(vpc, "endpointPublicAccess"), False):
        return
    cidrs = get(vpc, "publicAccessCidrs")
    if cidrs is UNKNOWN:
        return
    if not cidrs:
        yield "the endpoint is public and publicAccessCidrs is missing, which means every address."
    for cidr in each(cidrs):
        if is_world(cidr):
            yield f"the endpoint is open to {cidr}."


def open_ingress(group: Resource) -> Iterator[str]:
    """The world-wide sources of inline, single and legacy ingress rules."""
    if group.type == "aws:ec2/securityGroupRule:SecurityGroupRule" and group.props.get("type") != "ingress":
        return
    rules = each(group.props.get("ingress")) or [group.props]
    for rule in rules:
        for key in ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6"):
            yield from (cidr for cidr in each(get(rule, key)) if is_world(cidr))


SECURITY_GROUP_RULES = (
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)


@resource_rule(
    "security-group-closed",
    types=SECURITY_GROUP_RULES,
    level=Level.MANDATORY,
    reason="one open port is found by scanners within minutes",
    remedy="Name the source security group, or the CIDRs of the networks that need it.",
)
def security_group_closed(group: Resource, _: Settings) -> Iterator[str]:
    """No security group allows ingress from every address."""
    for cidr in open_ingress(group):
        yield f"ingress from {cidr}."


@resource_rule(
    "security-group-rule-described",
    types=(
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    ),
    level=Level.ADVISORY,
    reason="a rule without one is no hole, only harder to review",
    remedy="Describe in `description` who talks to whom, and why.",
)
def security_group_rule_described(rule: Resource, _: Settings) -> Iterator[str]:
    """Every security group rule has a description."""
    if not rule.props.get("description"):
        yield "no description."


@resource_rule(
    "aws-load-balancer-internal",
    types=("aws:lb/loadBalancer:LoadBalancer",),
    level=Level.MANDATORY,
    reason="a model server authenticates nobody itself",
    remedy="Set internal to true.",
)
def aws_load_balancer_internal(balancer: Resource, _: Settings) -> Iterator[str]:
    """No load balancer of AWS is open to the world."""
    if no(balancer.props.get("internal")):
        yield "internal is not true."


@resource_rule(
    "database-private",
    types=("aws:rds/instance:Instance", "aws:rds/clusterInstance:ClusterInstance"),
    level=Level.MANDATORY,
    reason="otherwise only a password protects the data",
    remedy="Set publiclyAccessible to false and reach it from the cluster's subnets.",
)
def database_private(database: Resource, _: Settings) -> Iterator[str]:
    """No database has a public address."""
    if yes(database.props.get("publiclyAccessible")):
        yield "publiclyAccessible is true."


@stack_rule(
    "vpc-flow-logs",
    level=Level.ADVISORY,
    reason="they serve investigations after an incident, and cost money in small accounts",
    remedy="Add an aws.ec2.FlowLog with the VPC's id.",
)
def vpc_flow_logs(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every VPC has flow logs."""
    for vpc in stack.of("aws:ec2/vpc:Vpc"):
        if not stack.about(vpc, "vpcId", "aws:ec2/flowLog:FlowLog"):
            yield vpc, "no flow log."


RULES: tuple[ResourceRule | StackRule, ...] = (
    eks_endpoint_private,
    security_group_closed,
    security_group_rule_described,
    aws_load_balancer_internal,
    database_private,
    vpc_flow_logs,
)
