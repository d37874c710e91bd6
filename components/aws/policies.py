"""IAM policy and trust documents as values: built from scoped statements, checked when they are made."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pulumi

Document = dict[str, Any]
Conditions = Mapping[str, Mapping[str, "pulumi.Input[str] | Sequence[pulumi.Input[str]]"]]

# Actions for which IAM knows no resource: the service authorization reference lists "*" as the only resource
# type. Anything else must name what it acts on.
WITHOUT_RESOURCE = frozenset(
    {
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeCapacityReservations",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeInstances",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribePlacementGroups",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSpotPriceHistory",
        "ec2:DescribeSubnets",
        "ecr:GetAuthorizationToken",
        "pricing:GetProducts",
    }
)

# What an account's own administrators may do with a key, one by one: `kms:*` would be the usual shorthand.
KEY_ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:CreateGrant",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
KEY_USE = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)

_SID = re.compile(r"[A-Z][A-Za-z0-9]*")
_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statement:
    """One permission. Whole actions only, and a resource for every action that can have one."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[pulumi.Input[str], ...] = ()
    principals: Mapping[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]] | None = None
    conditions: Conditions = dataclasses.field(default_factory=dict)
    effect: Literal["Allow", "Deny"] = "Allow"

    def __post_init__(self) -> None:
        if not _SID.fullmatch(self.sid):
            raise ValueError(f"statement {self.sid!r}: a Sid is letters and digits, a capital first")
        for action in self.actions:
            if not _ACTION.fullmatch(action) and self.effect == "Allow":
                raise ValueError(f"statement {self.sid}: {action!r} is not one whole action; list what is needed")
        if not self.actions:
            raise ValueError(f"statement {self.sid}: no action")
        if "*" in [r for r in self.resources if isinstance(r, str)] and not self._may_have_any_resource():
            raise ValueError(f"statement {self.sid}: name the resources of {', '.join(self.actions)}")

    def _may_have_any_resource(self) -> bool:
        # In a key policy "*" means that key.
        on_a_key = self.principals is not None and all(a.startswith("kms:") for a in self.actions)
        return self.effect == "Deny" or on_a_key or WITHOUT_RESOURCE.issuperset(self.actions)

    def render(self) -> dict[str, Any]:
        """The statement as IAM reads it."""
        rendered: dict[str, Any] = {"Sid": self.sid, "Effect": self.effect}
        if self.principals is not None:
            rendered["Principal"] = dict(self.principals)
        rendered["Action"] = list(self.actions)
        if self.resources:
            # A list of one is what AWS itself gives back as the one.
            first, *others = self.resources
            rendered["Resource"] = [first, *others] if others else first
        if self.conditions:
            rendered["Condition"] = {test: dict(keys) for test, keys in self.conditions.items()}
        return rendered


def document(*statements: Statement) -> Document:
    """A policy document; ValueError if two statements share a Sid."""
    sids = [s.sid for s in statements]
    if len(set(sids)) != len(sids):
        raise ValueError(f"two statements share a Sid: {', '.join(sorted(sids))}")
    return {"Version": "2012-10-17", "Statement": [s.render() for s in statements]}


def to_json(policy: Document) -> pulumi.Output[str]:
    """The document as the text that AWS takes, once the ARNs in it are known."""
    return pulumi.Output.json_dumps(policy)


def service_trust(service: str, account: str, *, source_arn: str | None = None) -> Document:
    """Trust of one AWS service, acting for this account (and, where it says so, for one resource of it)."""
    conditions: dict[str, dict[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]]] = {
        "StringEquals": {"aws:SourceAccount": account}
    }
    if source_arn is not None:
        conditions["ArnLike"] = {"aws:SourceArn": source_arn}
    return document(
        Statement(
            sid="ServiceOfThisAccount",
            actions=("sts:AssumeRole",),
            principals={"Service": service},
            conditions=conditions,
        )
    )


def eks_cluster_trust() -> Document:
    """Trust of the EKS control plane. TagSession is for Auto Mode, which tags what it creates."""
    return document(
        Statement(
            sid="EksControlPlane",
            actions=("sts:AssumeRole", "sts:TagSession"),
            principals={"Service": "eks.amazonaws.com"},
        )
    )


def node_trust(partition_suffix: str = "amazonaws.com") -> Document:
    """Trust of EC2 instances. EC2 sends no source account when it assumes an instance's role."""
    return document(
        Statement(sid="Instances", actions=("sts:AssumeRole",), principals={"Service": f"ec2.{partition_suffix}"})
    )


def pod_identity_trust(
    *, account: str, cluster: pulumi.Input[str], namespace: str, service_account: str | None
) -> Document:
    """Trust of EKS Pod Identity, for one service account of one cluster, or for all of a namespace.

    The session tags in the conditions are the ones that EKS sets; without them any association in the account
    could hand the role to any pod.
    """
    tags: dict[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]] = {
        "aws:SourceAccount": account,
        "aws:RequestTag/eks-cluster-name": cluster,
        "aws:RequestTag/kubernetes-namespace": namespace,
    }
    if service_account is not None:
        tags["aws:RequestTag/kubernetes-service-account"] = service_account
    return document(
        Statement(
            sid="PodsOfThisCluster",
            actions=("sts:AssumeRole", "sts:TagSession"),
            principals={"Service": "pods.eks.amazonaws.com"},
            conditions={"StringEquals": tags},
        )
    )


def role_trust(role_arn: pulumi.Input[str]) -> Document:
    """Trust of one other role. TagSession, since a session of Pod Identity hands its tags on."""
    return document(
        Statement(
            sid="OtherRole",
            actions=("sts:AssumeRole", "sts:TagSession"),
            principals={"AWS": role_arn},
        )
    )


def key_policy(account_root_arn: str, *statements: Statement) -> Document:
    """A KMS key policy: the account's IAM decides about the key, and `statements` add AWS services."""
    return document(
        Statement(
            sid="AccountAdministersTheKey",
            actions=KEY_ADMINISTRATION,
            resources=("*",),
            principals={"AWS": account_root_arn},
        ),
        Statement(
            sid="AccountDelegatesUseThroughIam",
            actions=KEY_USE,
            resources=("*",),
            principals={"AWS": account_root_arn},
        ),
        *statements,
    )


def logs_may_use_key(region: str, log_group_arn_pattern: str) -> Statement:
    """CloudWatch Logs may encrypt the log groups that match, and nothing else."""
    return Statement(
        sid="CloudWatchLogs",
        actions=(
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ),
        resources=("*",),
        principals={"Service": f"logs.{region}.amazonaws.com"},
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_group_arn_pattern}},
    )


def tls_only(sid: str, actions: tuple[str, ...], resources: tuple[pulumi.Input[str], ...]) -> Statement:
    """Nobody, whoever they are, without TLS."""
    return Statement(
        sid=sid,
        effect="Deny",
        actions=actions,
        resources=resources,
        principals={"AWS": "*"},
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


def key_use_through_s3(sid: str, key_arn: pulumi.Input[str], region: str, bucket_arns: Sequence[str]) -> Statement:
    """Use of a key, but only by way of S3 and only for the objects of these buckets (S3 bucket keys)."""
    return Statement(
        sid=sid,
        actions=("kms:Decrypt", "kms:GenerateDataKey"),
        resources=(key_arn,),
        conditions={
            "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": [f"{arn}*" for arn in bucket_arns]},
        },
    )
