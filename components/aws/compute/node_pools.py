"""The role of nodes, and node pools as EKS managed node groups."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import autoscaling, ec2, eks, iam

from components.aws import policies, tags
from components.aws.account import managed_policy
from components.aws.compute.pools import NodePool, ami_type, autoscaler_tags, user_data
from components.aws.network import Vpc

_PULL_IMAGES = "AmazonEC2ContainerRegistryPullOnly"
_JOIN = "AmazonEKSWorkerNodePolicy"
# Auto Mode's nodes do not look themselves up in EC2.
_JOIN_AUTO_MODE = "AmazonEKSWorkerNodeMinimalPolicy"


@dataclasses.dataclass(frozen=True, kw_only=True)
class NodeRoleArgs:
    """role: name of the IAM role, and of the instance profile. auto_mode: whether AWS runs the nodes."""

    role: str
    auto_mode: bool = False


class NodeRole(pulumi.ComponentResource):
    """The role of all nodes: join the cluster and pull images, nothing else. Pods have roles of their own."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]
    instance_profile: pulumi.Output[str]
    attachments: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: NodeRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:NodeRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            f"{name}-role",
            name=args.role,
            description="Nodes of the cluster",
            assume_role_policy=policies.to_json(policies.node_trust()),
            opts=child,
        )
        self.attachments = tuple(
            iam.RolePolicyAttachment(f"{name}-{policy}", role=role.name, policy_arn=managed_policy(policy), opts=child)
            for policy in (_PULL_IMAGES, _JOIN_AUTO_MODE if args.auto_mode else _JOIN)
        )
        # Made here, so that Karpenter needs no right to make instance profiles.
        profile = iam.InstanceProfile(
            f"{name}-profile", name=args.role, role=role.name, tags={"Name": args.role}, opts=child
        )
        self.arn, self.name, self.instance_profile = role.arn, role.name, profile.name
        self.register_outputs({"arn": self.arn})


@dataclasses.dataclass(frozen=True, kw_only=True)
class ManagedNodePoolArgs:
    """node_tags: tags of instances and volumes, which the provider's default tags do not reach.

    efa_group_id: security group whose members may talk EFA to each other; needed where the pool has EFA.
    after: what must be there before the nodes.
    """

    cluster: pulumi.Input[str]
    cluster_name: str
    cluster_group_id: pulumi.Input[str]
    vpc: Vpc
    pool: NodePool
    node_role_arn: pulumi.Input[str]
    node_tags: dict[str, str]
    efa_group_id: pulumi.Input[str] | None = None
    after: tuple[pulumi.Resource, ...] = ()


class ManagedNodePool(pulumi.ComponentResource):
    """A node pool as an EKS managed node group."""

    group: eks.NodeGroup

    def __init__(self, name: str, args: ManagedNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:ManagedNodePool", name, None, opts)
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        pool = args.pool
        template = self._launch_template()
        zones = pool.zones or tuple(args.vpc.private)
        self.group = eks.NodeGroup(
            f"{name}-group",
            cluster_name=args.cluster,
            node_group_name=pool.name,
            node_role_arn=args.node_role_arn,
            subnet_ids=[args.vpc.private[zone] for zone in zones],
            ami_type=ami_type(pool),
            capacity_type=pool.capacity.replace("-", "_").upper(),
            # With a capacity block the type belongs to the launch template, beside the reservation.
            instance_types=None if pool.capacity == "capacity-block" else list(pool.instance_types),
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={"min_size": pool.min, "max_size": pool.max, "desired_size": pool.min},
            update_config={"max_unavailable_percentage": 33},
            node_repair_config={"enabled": True},
            labels=pool.node_labels,
            taints=[
                {"key": key, "value": value, "effect": _EKS_EFFECTS[effect]} for key, value, effect in pool.node_taints
            ],
            tags={"Name": f"{args.cluster_name}-{pool.name}", tags.NODE_POOL: pool.name},
            # How many nodes there are now is the autoscaler's business.
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["scalingConfig.desiredSize"], depends_on=args.after
            ),
        )
        scaling_group = self.group.resources[0].autoscaling_groups[0].name
        for key, value in sorted(autoscaler_tags(pool).items()):
            autoscaling.Tag(
                f"{name}-{key.removeprefix('k8s.io/cluster-autoscaler/node-template/').replace('/', '-')}",
                autoscaling_group_name=scaling_group,
                tag={"key": key, "value": value, "propagate_at_launch": False},
                opts=self._child,
            )
        self.register_outputs({"group": self.group.node_group_name})

    def _launch_template(self) -> ec2.LaunchTemplate:
        args, pool = self._args, self._args.pool
        block = pool.capacity == "capacity-block"
        machine_tags = {
            "Name": f"{args.cluster_name}-{pool.name}",
            tags.NODE_POOL: pool.name,
            **args.node_tags,
        }
        return ec2.LaunchTemplate(
            f"{self._name}-template",
            name=f"{args.cluster_name}-{pool.name}",
            description=f"Nodes of pool {pool.name}",
            update_default_version=True,
            block_device_mappings=[
                {
                    "device_name": "/dev/xvda",
                    "ebs": {
                        "volume_type": "gp3",
                        "volume_size": pool.disk,
                        "encrypted": "true",
                        "delete_on_termination": "true",
                    },
                }
            ],
            # Hop limit 1: pods cannot reach the metadata service, hence not the node's credentials.
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
            },
            monitoring={"enabled": True},
            network_interfaces=self._efa_interfaces() if pool.efa else None,
            placement={"group_name": self._placement_group()} if pool.placement_group else None,
            instance_type=pool.instance_types[0] if block else None,
            instance_market_options={"market_type": "capacity-block"} if block else None,
            capacity_reservation_specification=(
                {"capacity_reservation_target": {"capacity_reservation_id": pool.reservation}}
                if pool.reservation
                else None
            ),
            user_data=user_data(pool),
            tag_specifications=[
                {"resource_type": kind, "tags": machine_tags} for kind in ("instance", "volume", "network-interface")
            ],
            tags={"Name": f"{args.cluster_name}-{pool.name}", tags.NODE_POOL: pool.name},
            opts=self._child,
        )

    def _efa_interfaces(self) -> list[ec2.LaunchTemplateNetworkInterfaceArgsDict]:
        if self._args.efa_group_id is None:
            raise ValueError(f"node pool {self._args.pool.name}: EFA needs efa_group_id")
        groups = [self._args.cluster_group_id, self._args.efa_group_id]
        # Types of a pool with EFA have the same number of cards; the config sees to that.
        return [
            {
                "network_card_index": card,
                "device_index": 0 if card == 0 else 1,
                "interface_type": "efa" if card == 0 else "efa-only",
                "delete_on_termination": "true",
                "security_groups": groups,
            }
            for card in range(self._args.pool.types[0].efa)
        ]

    def _placement_group(self) -> pulumi.Output[str]:
        return ec2.PlacementGroup(
            f"{self._name}-placement",
            name=f"{self._args.cluster_name}-{self._args.pool.name}",
            strategy="cluster",
            tags={"Name": f"{self._args.cluster_name}-{self._args.pool.name}"},
            opts=self._child,
        ).name


_EKS_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
}
