"""Identities of pods in AWS, by EKS Pod Identity."""

from __future__ import annotations

import dataclasses

import pulumi
import pulumi_aws
from pulumi_aws import eks, iam

from components.aws import policies, tags
from components.aws.account import Account, managed_policy
from components.storage.bucket import IDENTITY_AGENT, IDENTITY_PORT
from components.traffic import Peer, Traffic

# The agent of Pod Identity answers on every node at this address, which is no pod's and outside the network.
POD_IDENTITY_AGENT = Traffic(direction="egress", peer=Peer(cidr=IDENTITY_AGENT), ports=(IDENTITY_PORT,))


@dataclasses.dataclass(frozen=True, kw_only=True)
class PodRoleArgs:
    """Who (a service account of a cluster) may do what (statements, and policies of AWS, by their names).

    service_account: None for any of the namespace. associate=False where something else makes the
    association: an EKS add-on does it for its own service account.
    """

    account: Account
    cluster: pulumi.Input[str]
    role: str
    namespace: str
    service_account: str | None
    statements: tuple[policies.Statement, ...] = ()
    managed_policies: tuple[str, ...] = ()
    associate: bool = True
    tags: dict[str, str] = dataclasses.field(default_factory=dict)


class PodRole(pulumi.ComponentResource):
    """An IAM role that pods of one namespace of one cluster hold, and nobody else."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: PodRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:PodRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            f"{name}-role",
            name=args.role,
            description=f"Pods of {args.namespace}/{args.service_account or 'any service account'}",
            assume_role_policy=policies.to_json(
                policies.pod_identity_trust(
                    account=args.account.id,
                    cluster=args.cluster,
                    namespace=args.namespace,
                    service_account=args.service_account,
                )
            ),
            tags=args.tags,
            opts=child,
        )
        for policy in args.managed_policies:
            iam.RolePolicyAttachment(
                f"{name}-{policy.rpartition('/')[2]}",
                role=role.name,
                policy_arn=managed_policy(policy),
                opts=child,
            )
        if args.statements:
            iam.RolePolicy(
                f"{name}-policy",
                name="permissions",
                role=role.name,
                policy=policies.to_json(policies.document(*args.statements)),
                opts=child,
            )
        if args.associate and args.service_account is not None:
            eks.PodIdentityAssociation(
                f"{name}-association",
                cluster_name=args.cluster,
                namespace=args.namespace,
                service_account=args.service_account,
                role_arn=role.arn,
                tags=args.tags,
                opts=child,
            )
        self.arn = role.arn
        self.register_outputs({"arn": self.arn})


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkloadIdentitiesArgs:
    """cluster: name at EKS. environment: for the tags. role_arn: the team's role, which another stack made."""

    cluster: pulumi.Input[str]
    account: pulumi.Input[str]
    region: pulumi.Input[str]
    environment: str
    team: str
    namespace: pulumi.Input[str]
    role_arn: pulumi.Input[str]
    service_accounts: tuple[str, ...]


class WorkloadIdentities(pulumi.ComponentResource):
    """A team's AWS role, given to the service accounts of workloads in a stack of the team's own."""

    def __init__(self, name: str, args: WorkloadIdentitiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:WorkloadIdentities", name, None, opts)
        provider = pulumi_aws.Provider(
            f"{name}-provider",
            region=args.region,
            allowed_account_ids=[args.account],
            default_tags={"tags": {**tags.defaults(args.environment), **tags.of_team(args.team)}},
            opts=pulumi.ResourceOptions(parent=self),
        )
        for service_account in args.service_accounts:
            eks.PodIdentityAssociation(
                f"{name}-pods-{service_account}",
                cluster_name=args.cluster,
                namespace=args.namespace,
                service_account=service_account,
                role_arn=args.role_arn,
                tags=tags.of_team(args.team),
                opts=pulumi.ResourceOptions(parent=self, provider=provider),
            )
        self.register_outputs({})
