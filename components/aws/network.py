"""The VPC of a cluster."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

import pulumi
from pulumi_aws import cloudwatch, ec2, iam, vpc

from components.aws import policies, subnets, tags
from components.aws.account import Account


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vpc:
    """A VPC as everything in it sees it: its id and CIDR, and the subnet of each zone in each tier."""

    id: pulumi.Input[str]
    cidr: str
    private: Mapping[str, pulumi.Input[str]]
    public: Mapping[str, pulumi.Input[str]]
    intra: Mapping[str, pulumi.Input[str]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """cidr: /16 to /20. nat: how many ways out. endpoints: AWS services with an interface endpoint (S3 always
    has its gateway endpoint, which is free). flow_log_days: retention in CloudWatch.
    """

    account: Account
    cluster: str
    cidr: str
    zones: tuple[str, ...]
    nat: Literal["single", "per-zone"]
    endpoints: tuple[str, ...] = ()
    flow_log_days: int = 30
    log_key_arn: pulumi.Input[str]


class Network(pulumi.ComponentResource):
    """A VPC in which nodes have no public address and every flow is logged."""

    vpc: Vpc

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:Network", name, None, opts)
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        plan = subnets.split(args.cidr, args.zones)
        network = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": args.cluster},
            opts=self._child,
        )
        # The group that AWS makes allows everything among its members: taken over, and emptied.
        ec2.DefaultSecurityGroup(
            f"{name}-default-group",
            vpc_id=network.id,
            ingress=[],
            egress=[],
            tags={"Name": f"{args.cluster}-default-unused"},
            opts=self._child,
        )
        public, public_table = self._public_tier(network, plan)
        private, private_tables = self._private_tier(network, plan, public)
        intra, intra_table = self._intra_tier(network, plan)
        self.vpc = Vpc(
            id=network.id,
            cidr=args.cidr,
            private={zone: subnet.id for zone, subnet in private.items()},
            public={zone: subnet.id for zone, subnet in public.items()},
            intra={zone: subnet.id for zone, subnet in intra.items()},
        )
        self._endpoints(network, [public_table, *private_tables, intra_table])
        self._flow_log(network)
        self.register_outputs({"vpcId": network.id})

    def _subnet(self, network: ec2.Vpc, tier: str, zone: str, cidr: str, extra: dict[str, str]) -> ec2.Subnet:
        return ec2.Subnet(
            f"{self._name}-{tier}-{zone}",
            vpc_id=network.id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags={"Name": f"{self._args.cluster}-{tier}-{zone}", **extra},
            opts=self._child,
        )

    def _table(self, network: ec2.Vpc, tier: str) -> ec2.RouteTable:
        return ec2.RouteTable(
            f"{self._name}-{tier}-routes",
            vpc_id=network.id,
            tags={"Name": f"{self._args.cluster}-{tier}"},
            opts=self._child,
        )

    def _use_table(self, tier: str, zone: str, table: ec2.RouteTable, subnet: ec2.Subnet) -> None:
        ec2.RouteTableAssociation(
            f"{self._name}-{tier}-{zone}-association",
            route_table_id=table.id,
            subnet_id=subnet.id,
            opts=self._child,
        )

    def _public_tier(
        self, network: ec2.Vpc, plan: tuple[subnets.ZoneSubnets, ...]
    ) -> tuple[dict[str, ec2.Subnet], ec2.RouteTable]:
        gateway = ec2.InternetGateway(
            f"{self._name}-internet",
            vpc_id=network.id,
            tags={"Name": self._args.cluster},
            opts=self._child,
        )
        table = self._table(network, "public")
        ec2.Route(
            f"{self._name}-public-out",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=self._child,
        )
        tier: dict[str, ec2.Subnet] = {}
        for part in plan:
            tier[part.zone] = self._subnet(network, "public", part.zone, part.public, {tags.PUBLIC_LOAD_BALANCERS: "1"})
            self._use_table("public", part.zone, table, tier[part.zone])
        return tier, table

    def _private_tier(
        self, network: ec2.Vpc, plan: tuple[subnets.ZoneSubnets, ...], public: dict[str, ec2.Subnet]
    ) -> tuple[dict[str, ec2.Subnet], list[ec2.RouteTable]]:
        with_nat = [part.zone for part in plan][: 1 if self._args.nat == "single" else None]
        gateways = {zone: self._nat_gateway(zone, public[zone]) for zone in with_nat}
        tier: dict[str, ec2.Subnet] = {}
        tables: list[ec2.RouteTable] = []
        for part in plan:
            extra = {tags.INTERNAL_LOAD_BALANCERS: "1", **tags.discovery(self._args.cluster)}
            tier[part.zone] = self._subnet(network, "private", part.zone, part.private, extra)
            # A table for each zone even with a single NAT gateway: going to one per zone then changes routes
            # only.
            table = self._table(network, f"private-{part.zone}")
            tables.append(table)
            ec2.Route(
                f"{self._name}-private-{part.zone}-out",
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                nat_gateway_id=gateways.get(part.zone, gateways[with_nat[0]]).id,
                opts=self._child,
            )
            self._use_table("private", part.zone, table, tier[part.zone])
        return tier, tables

    def _nat_gateway(self, zone: str, subnet: ec2.Subnet) -> ec2.NatGateway:
        address = ec2.Eip(
            f"{self._name}-nat-{zone}-address",
            domain="vpc",
            tags={"Name": f"{self._args.cluster}-nat-{zone}"},
            opts=self._child,
        )
        return ec2.NatGateway(
            f"{self._name}-nat-{zone}",
            allocation_id=address.id,
            subnet_id=subnet.id,
            tags={"Name": f"{self._args.cluster}-{zone}"},
            opts=self._child,
        )

    def _intra_tier(
        self, network: ec2.Vpc, plan: tuple[subnets.ZoneSubnets, ...]
    ) -> tuple[dict[str, ec2.Subnet], ec2.RouteTable]:
        table = self._table(network, "intra")
        tier: dict[str, ec2.Subnet] = {}
        for part in plan:
            tier[part.zone] = self._subnet(network, "intra", part.zone, part.intra, {})
            self._use_table("intra", part.zone, table, tier[part.zone])
        return tier, table

    def _endpoints(self, network: ec2.Vpc, tables: list[ec2.RouteTable]) -> None:
        region = self._args.account.region
        ec2.VpcEndpoint(
            f"{self._name}-endpoint-s3",
            vpc_id=network.id,
            service_name=f"com.amazonaws.{region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags={"Name": f"{self._args.cluster}-s3"},
            opts=self._child,
        )
        if not self._args.endpoints:
            return
        group = ec2.SecurityGroup(
            f"{self._name}-endpoints",
            name=f"{self._args.cluster}-endpoints",
            description="Interface endpoints of AWS services",
            vpc_id=network.id,
            tags={"Name": f"{self._args.cluster}-endpoints"},
            opts=self._child,
        )
        vpc.SecurityGroupIngressRule(
            f"{self._name}-endpoints-https",
            security_group_id=group.id,
            description="HTTPS from the VPC to AWS services",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=self._args.cidr,
            tags={"Name": "https-from-vpc"},
            opts=self._child,
        )
        for service in self._args.endpoints:
            ec2.VpcEndpoint(
                f"{self._name}-endpoint-{service.replace('.', '-')}",
                vpc_id=network.id,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=list(self.vpc.intra.values()),
                security_group_ids=[group.id],
                tags={"Name": f"{self._args.cluster}-{service}"},
                opts=self._child,
            )

    def _flow_log(self, network: ec2.Vpc) -> None:
        args = self._args
        log_name = f"/ml-platform/{args.cluster}/flow"
        logs = cloudwatch.LogGroup(
            f"{self._name}-flow-log",
            name=log_name,
            retention_in_days=args.flow_log_days,
            kms_key_id=args.log_key_arn,
            opts=self._child,
        )
        role = iam.Role(
            f"{self._name}-flow-log-role",
            name=f"{args.cluster}-flow-log",
            description="VPC flow logs to CloudWatch",
            assume_role_policy=policies.to_json(
                policies.service_trust(
                    "vpc-flow-logs.amazonaws.com",
                    args.account.id,
                    source_arn=args.account.arn("ec2", "vpc-flow-log/*"),
                )
            ),
            opts=self._child,
        )
        group_arn = args.account.log_group(log_name)
        iam.RolePolicy(
            f"{self._name}-flow-log-policy",
            name="permissions",
            role=role.name,
            policy=policies.to_json(
                policies.document(
                    policies.Statement(
                        sid="WriteFlows",
                        actions=("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
                        resources=(group_arn, f"{group_arn}:*"),
                    )
                )
            ),
            opts=self._child,
        )
        ec2.FlowLog(
            f"{self._name}-flows",
            vpc_id=network.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=logs.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=600,
            tags={"Name": args.cluster},
            opts=self._child,
        )
