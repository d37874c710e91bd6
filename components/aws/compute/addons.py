"""EKS managed add-ons, with the identities that they need."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pulumi
from pulumi_aws import eks

from components.aws import policies
from components.aws.account import Account
from components.aws.identity import PodRole, PodRoleArgs

# These must be there for a node to become ready; the others need nodes to run on.
BEFORE_NODES = ("eks-pod-identity-agent", "kube-proxy", "vpc-cni")
AFTER_NODES = (
    "aws-ebs-csi-driver",
    "aws-efs-csi-driver",
    "aws-fsx-csi-driver",
    "aws-mountpoint-s3-csi-driver",
    "coredns",
    "metrics-server",
)
ALL = tuple(sorted(BEFORE_NODES + AFTER_NODES))
# Auto Mode has its own of these, and they clash with the add-ons.
IN_AUTO_MODE = ("aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni")
# Nobody chooses to be without these: without them no pod has a network or a name.
REQUIRED = ("coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AddonIdentity:
    """What the service account of an add-on may do in AWS."""

    service_account: str
    managed_policies: tuple[str, ...] = ()
    statements: tuple[policies.Statement, ...] = ()


def identity_of(addon: str, data_key_arn: pulumi.Input[str], account: Account) -> AddonIdentity | None:
    """The identity of an add-on, or None for one that calls no AWS API.

    The S3 driver has none on purpose: volumes are mounted with the identity of the pod that asks for them.
    """
    if addon == "vpc-cni":
        return AddonIdentity(service_account="aws-node", managed_policies=("AmazonEKS_CNI_Policy",))
    if addon == "aws-ebs-csi-driver":
        return AddonIdentity(
            service_account="ebs-csi-controller-sa",
            managed_policies=("service-role/AmazonEBSCSIDriverPolicy",),
            statements=(
                policies.Statement(
                    sid="EncryptVolumes",
                    actions=(
                        "kms:Decrypt",
                        "kms:DescribeKey",
                        "kms:GenerateDataKeyWithoutPlaintext",
                        "kms:ReEncryptFrom",
                        "kms:ReEncryptTo",
                    ),
                    resources=(data_key_arn,),
                ),
                policies.Statement(
                    sid="LetEc2UseTheKeyOfVolumes",
                    actions=("kms:CreateGrant",),
                    resources=(data_key_arn,),
                    conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
                ),
            ),
        )
    if addon == "aws-efs-csi-driver":
        return AddonIdentity(
            service_account="efs-csi-controller-sa",
            managed_policies=("service-role/AmazonEFSCSIDriverPolicy",),
        )
    if addon == "aws-fsx-csi-driver":
        # File systems are made by the stack; the driver only mounts them. AWS suggests AmazonFSxFullAccess.
        return AddonIdentity(
            service_account="fsx-csi-controller-sa",
            statements=(
                policies.Statement(
                    sid="FindFileSystems",
                    actions=("fsx:DescribeFileSystems",),
                    resources=(account.arn("fsx", "file-system/*"),),
                ),
            ),
        )
    return None


def configuration_of(addon: str, volume_tags: dict[str, str]) -> dict[str, Any]:
    """Values of an add-on that differ from its defaults, by the add-on's own configuration schema."""
    if addon == "vpc-cni":
        return {
            "enableNetworkPolicy": "true",
            # Prefixes of 16 addresses: as many pods as a node can run, without an interface for each handful.
            "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"},
        }
    if addon == "aws-ebs-csi-driver":
        # Default tags of the provider do not reach the volumes that the driver makes.
        return {"controller": {"extraVolumeTags": volume_tags}}
    if addon == "coredns":
        return {"podDisruptionBudget": {"enabled": True, "maxUnavailable": 1}}
    return {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AddonArgs:
    """addon: its name at EKS; version: from the catalog. volume_tags: tags of volumes that the EBS driver
    makes.
    """

    account: Account
    cluster: pulumi.Input[str]
    cluster_name: str
    addon: str
    version: str
    data_key_arn: pulumi.Input[str]
    volume_tags: dict[str, str]
    after: tuple[pulumi.Resource, ...] = ()


class Addon(pulumi.ComponentResource):
    """One EKS managed add-on at a pinned version."""

    def __init__(self, name: str, args: AddonArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:Addon", name, None, opts)
        identity = identity_of(args.addon, args.data_key_arn, args.account)
        associations: list[eks.AddonPodIdentityAssociationArgsDict] = []
        if identity is not None:
            role = PodRole(
                f"{name}-identity",
                PodRoleArgs(
                    account=args.account,
                    cluster=args.cluster,
                    role=f"{args.cluster_name}-{args.addon}",
                    namespace="kube-system",
                    service_account=identity.service_account,
                    managed_policies=identity.managed_policies,
                    statements=identity.statements,
                    associate=False,
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
            associations = [{"service_account": identity.service_account, "role_arn": role.arn}]
        values = configuration_of(args.addon, args.volume_tags)
        eks.Addon(
            f"{name}-addon",
            cluster_name=args.cluster,
            addon_name=args.addon,
            addon_version=args.version,
            configuration_values=json.dumps(values, sort_keys=True) if values else None,
            pod_identity_associations=associations,
            resolve_conflicts_on_create="OVERWRITE",
            # What somebody set by hand in an add-on's objects is drift, and is put right.
            resolve_conflicts_on_update="OVERWRITE",
            tags={"Name": f"{args.cluster_name}-{args.addon}"},
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        self.register_outputs({})
