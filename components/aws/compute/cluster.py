"""The EKS control plane."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pulumi
from pulumi_aws import cloudwatch, ec2, eks, iam

from components.aws import policies, tags
from components.aws.account import Account, managed_policy
from components.aws.compute import kubeconfig
from components.aws.network import Vpc

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")

_CLUSTER_POLICY = ("AmazonEKSClusterPolicy",)
# Auto Mode's control plane makes the nodes, volumes and load balancers itself.
_AUTO_MODE_POLICIES = (
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Access:
    """One way in: an IAM principal, and an access policy of EKS or Kubernetes groups that RBAC knows."""

    name: str
    principal_arn: pulumi.Input[str]
    policy: str | None = None
    groups: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class EksClusterArgs:
    """public_cidrs: who may reach the API server over the internet; empty keeps it private.

    auto_mode: AWS runs the nodes, their scaling, volumes and load balancers.
    """

    account: Account
    cluster: str
    version: str
    vpc: Vpc
    node_role_arn: pulumi.Input[str]
    secrets_key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]
    public_cidrs: tuple[str, ...] = ()
    access: tuple[Access, ...] = ()
    deletion_protection: bool = True
    auto_mode: bool = False
    log_days: int = 90


class EksCluster(pulumi.ComponentResource):
    """An EKS control plane with encrypted secrets, a full audit log, and IAM principals as its only users."""

    name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    node_access: pulumi.Resource | None

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:EksCluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role, attachments = self._role(name, args)
        # Made before the cluster, which would else make it without retention and leave it behind.
        logs = cloudwatch.LogGroup(
            f"{name}-log",
            name=f"/aws/eks/{args.cluster}/cluster",
            retention_in_days=args.log_days,
            kms_key_id=args.log_key_arn,
            opts=child,
        )
        cluster = eks.Cluster(
            f"{name}-control-plane",
            name=args.cluster,
            version=args.version,
            role_arn=role.arn,
            enabled_cluster_log_types=list(LOG_TYPES),
            # Add-ons are ours to version. Auto Mode brings its own.
            bootstrap_self_managed_addons=False,
            access_config={
                "authentication_mode": "API",
                "bootstrap_cluster_creator_admin_permissions": False,
            },
            vpc_config={
                "subnet_ids": list(args.vpc.intra.values()),
                "endpoint_private_access": True,
                "endpoint_public_access": bool(args.public_cidrs),
                "public_access_cidrs": list(args.public_cidrs) or None,
            },
            encryption_config={"resources": ["secrets"], "provider": {"key_arn": args.secrets_key_arn}},
            upgrade_policy={"support_type": "STANDARD"},
            deletion_protection=args.deletion_protection,
            zonal_shift_config={"enabled": True},
            compute_config=(
                {
                    "enabled": True,
                    "node_pools": ["system", "general-purpose"],
                    "node_role_arn": args.node_role_arn,
                }
                if args.auto_mode
                else None
            ),
            kubernetes_network_config={"elastic_load_balancing": {"enabled": True}} if args.auto_mode else None,
            storage_config={"block_storage": {"enabled": True}} if args.auto_mode else None,
            tags={"Name": args.cluster},
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.deletion_protection,
                # The role must be usable before the cluster is made and until it is gone.
                depends_on=[*attachments, logs],
            ),
        )
        self.name = cluster.name
        self.endpoint = cluster.endpoint
        self.security_group_id = cluster.vpc_config.cluster_security_group_id
        self.kubeconfig = pulumi.Output.all(cluster.name, cluster.endpoint, cluster.certificate_authority.data).apply(
            lambda parts: kubeconfig.render(
                name=parts[0],
                endpoint=parts[1],
                certificate_authority=parts[2],
                region=args.account.region,
            )
        )
        ec2.Tag(
            f"{name}-group-discovery",
            resource_id=self.security_group_id,
            key=tags.DISCOVERY,
            value=args.cluster,
            opts=child,
        )
        iam.OpenIdConnectProvider(
            f"{name}-oidc",
            url=cluster.identities[0].oidcs[0].issuer,
            client_id_lists=["sts.amazonaws.com"],
            tags={"Name": args.cluster},
            opts=child,
        )
        for access in args.access:
            self._grant(name, access)
        # Auto Mode makes the entry for its nodes itself.
        self.node_access = (
            None
            if args.auto_mode
            else eks.AccessEntry(
                f"{name}-access-nodes",
                cluster_name=self.name,
                principal_arn=args.node_role_arn,
                type="EC2_LINUX",
                tags={"Name": f"{args.cluster}-nodes"},
                opts=child,
            )
        )
        self.register_outputs({"name": self.name, "endpoint": self.endpoint})

    def _role(self, name: str, args: EksClusterArgs) -> tuple[iam.Role, Sequence[iam.RolePolicyAttachment]]:
        role = iam.Role(
            f"{name}-role",
            name=f"{args.cluster}-cluster",
            description="EKS control plane",
            assume_role_policy=policies.to_json(policies.eks_cluster_trust()),
            opts=pulumi.ResourceOptions(parent=self),
        )
        needed = _CLUSTER_POLICY + (_AUTO_MODE_POLICIES if args.auto_mode else ())
        return role, [
            iam.RolePolicyAttachment(
                f"{name}-{policy}",
                role=role.name,
                policy_arn=managed_policy(policy),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for policy in needed
        ]

    def _grant(self, name: str, access: Access) -> None:
        child = pulumi.ResourceOptions(parent=self)
        entry = eks.AccessEntry(
            f"{name}-access-{access.name}",
            cluster_name=self.name,
            principal_arn=access.principal_arn,
            kubernetes_groups=list(access.groups),
            type="STANDARD",
            tags={"Name": access.name},
            opts=child,
        )
        if access.policy is not None:
            eks.AccessPolicyAssociation(
                f"{name}-access-{access.name}-{access.policy}",
                cluster_name=self.name,
                principal_arn=entry.principal_arn,
                policy_arn=f"arn:aws:eks::aws:cluster-access-policy/{access.policy}",
                access_scope={"type": "cluster"},
                opts=child,
            )
