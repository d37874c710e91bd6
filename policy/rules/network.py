"""Nothing of the platform is open to the world."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from policy.rules.model import (
    Level,
    Resource,
    ResourceRule,
    Settings,
    Stack,
    StackRule,
    resource_rule,
    stack_rule,
)
from policy.rules.values import UNKNOWN, differs, each, get, no, yes

SCHEME = "service.beta.kubernetes.io/aws-load-balancer-scheme"
INTERNAL = (
    (SCHEME, "internal"),
    ("service.beta.kubernetes.io/aws-load-balancer-internal", "true"),
    ("service.beta.kubernetes.io/azure-load-balancer-internal", "true"),
    ("networking.gke.io/load-balancer-type", "Internal"),
)


def is_world(cidr: object) -> bool:
    """Whether a CIDR holds every address, or at least half of them (0.0.0.0/1 is a well-known way around)."""
    if not isinstance(cidr, str):
        return False
    try:
        return ip_network(cidr, strict=False).prefixlen <= 1
    except ValueError:
        return False


@resource_rule(
    "eks-endpoint-private",
    types=("aws:eks/cluster:Cluster",),
    level=Level.MANDATORY,
    reason="the API server is the way to everything else",
    remedy="Set endpointPublicAccess to false, or publicAccessCidrs to the networks of your people.",
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
    """No security group lets every address in."""
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
    reason="it makes reviews easier, and is no hole by itself",
    remedy="Say in `description` who talks to whom, and why.",
)
def security_group_rule_described(rule: Resource, _: Settings) -> Iterator[str]:
    """Every security group rule says what it is for."""
    if not rule.props.get("description"):
        yield "no description."


@resource_rule(
    "load-balancer-internal",
    types=("kubernetes:core/v1:Service", "aws:lb/loadBalancer:LoadBalancer"),
    level=Level.MANDATORY,
    reason="a model server has no log-in of its own",
    remedy=f"Annotate the Service with {SCHEME}: internal, or list loadBalancerSourceRanges; "
    "for an AWS load balancer set internal to true.",
)
def load_balancer_internal(balancer: Resource, _: Settings) -> Iterator[str]:
    """No load balancer is open to the world."""
    if balancer.type.startswith("aws:"):
        if no(balancer.props.get("internal")):
            yield "internal is not true."
        return
    if get(balancer.props, "spec", "type") != "LoadBalancer":
        return
    annotations = get(balancer.props, "metadata", "annotations")
    if annotations is UNKNOWN or any(get(annotations, key) in (value, UNKNOWN) for key, value in INTERNAL):
        return
    ranges = get(balancer.props, "spec", "loadBalancerSourceRanges")
    if ranges is UNKNOWN:
        return
    if not ranges:
        yield "type LoadBalancer, neither internal nor with loadBalancerSourceRanges."
    for cidr in each(ranges):
        if is_world(cidr):
            yield f"loadBalancerSourceRanges has {cidr}."


@resource_rule(
    "instance-metadata-v2",
    types=(
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/instance:Instance",
        "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
    ),
    level=Level.MANDATORY,
    reason="a pod that reaches the metadata service holds the node's credentials",
    remedy="Set httpTokens to required and httpPutResponseHopLimit to 1 in metadataOptions.",
)
def instance_metadata_v2(node: Resource, _: Settings) -> Iterator[str]:
    """Nodes answer metadata requests only with a session token, and only to themselves."""
    spec = node.props.get("spec") if node.type.startswith("kubernetes:") else node.props
    options = get(spec, "metadataOptions")
    if differs(get(options, "httpTokens"), "required"):
        yield "httpTokens is not required."
    if differs(get(options, "httpPutResponseHopLimit"), 1):
        yield "httpPutResponseHopLimit is not 1, so that pods can reach the node's credentials."


@resource_rule(
    "nodes-without-public-address",
    types=(
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/instance:Instance",
        "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
    ),
    level=Level.MANDATORY,
    reason="nodes need no way in from outside: they reach out through NAT and endpoints",
    remedy="Leave the public address out and use private subnets.",
)
def nodes_without_public_address(node: Resource, _: Settings) -> Iterator[str]:
    """No node has a public address."""
    interfaces = each(node.props.get("networkInterfaces"))
    flags = [get(interface, "associatePublicIpAddress") for interface in interfaces]
    flags += [node.props.get("associatePublicIpAddress"), get(node.props, "spec", "associatePublicIPAddress")]
    if any(yes(flag) for flag in flags):
        yield "it asks for a public address."


@resource_rule(
    "database-private",
    types=("aws:rds/instance:Instance", "aws:rds/clusterInstance:ClusterInstance"),
    level=Level.MANDATORY,
    reason="a password is then all that stands before the data",
    remedy="Set publiclyAccessible to false and reach it from the cluster's subnets.",
)
def database_private(database: Resource, _: Settings) -> Iterator[str]:
    """No database has a public address."""
    if yes(database.props.get("publiclyAccessible")):
        yield "publiclyAccessible is true."


@stack_rule(
    "vpc-flow-logs",
    level=Level.ADVISORY,
    reason="they are for the investigation afterwards, and cost money in small accounts",
    remedy="Add an aws.ec2.FlowLog with the VPC's id.",
)
def vpc_flow_logs(stack: Stack, _: Settings) -> Iterator[tuple[Resource, str]]:
    """Every VPC records its flows."""
    for vpc in stack.of("aws:ec2/vpc:Vpc"):
        if not stack.about(vpc, "vpcId", "aws:ec2/flowLog:FlowLog"):
            yield vpc, "no flow log."


RULES: tuple[ResourceRule | StackRule, ...] = (
    eks_endpoint_private,
    security_group_closed,
    security_group_rule_described,
    load_balancer_internal,
    instance_metadata_v2,
    nodes_without_public_address,
    database_private,
    vpc_flow_logs,
)
