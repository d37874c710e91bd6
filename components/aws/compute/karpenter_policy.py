"""What the Karpenter controller may do in AWS: machines of its own cluster, and nothing of anyone else's.

After the controller policy that Karpenter publishes for v1, less the statements for instance profiles: nodes
use one that the stack made.
"""

from __future__ import annotations

import pulumi

from components.aws import policies
from components.aws.account import PARTITION, Account

_DESCRIBES = (
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
)


def statements(
    *,
    account: Account,
    cluster: str,
    queue_arn: pulumi.Input[str],
    node_role_arn: pulumi.Input[str],
    instance_profile: str,
) -> tuple[policies.Statement, ...]:
    """The permissions of the controller, for one cluster in one region."""
    region = account.region
    owned = f"kubernetes.io/cluster/{cluster}"
    created = tuple(
        f"arn:{PARTITION}:ec2:{region}:*:{kind}/*"
        for kind in (
            "fleet",
            "instance",
            "launch-template",
            "network-interface",
            "spot-instances-request",
            "volume",
        )
    )
    launched_from = (
        f"arn:{PARTITION}:ec2:{region}::image/*",
        f"arn:{PARTITION}:ec2:{region}::snapshot/*",
        f"arn:{PARTITION}:ec2:{region}:*:capacity-reservation/*",
        f"arn:{PARTITION}:ec2:{region}:*:placement-group/*",
        f"arn:{PARTITION}:ec2:{region}:*:security-group/*",
        f"arn:{PARTITION}:ec2:{region}:*:subnet/*",
    )
    templates = (f"arn:{PARTITION}:ec2:{region}:*:launch-template/*",)
    instances = (f"arn:{PARTITION}:ec2:{region}:*:instance/*",)
    of_this_cluster = {f"aws:ResourceTag/{owned}": "owned"}
    of_a_pool = {"aws:ResourceTag/karpenter.sh/nodepool": "*"}
    asked_for = {f"aws:RequestTag/{owned}": "owned", "aws:RequestTag/eks:eks-cluster-name": cluster}
    asked_for_a_pool = {"aws:RequestTag/karpenter.sh/nodepool": "*"}
    return (
        policies.Statement(
            sid="LaunchFromWhatIsThere",
            actions=("ec2:CreateFleet", "ec2:RunInstances"),
            resources=launched_from,
        ),
        policies.Statement(
            sid="LaunchFromOwnTemplates",
            actions=("ec2:CreateFleet", "ec2:RunInstances"),
            resources=templates,
            conditions={"StringEquals": of_this_cluster, "StringLike": of_a_pool},
        ),
        policies.Statement(
            sid="LaunchWithTagsOfTheCluster",
            actions=("ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances"),
            resources=created,
            conditions={"StringEquals": asked_for, "StringLike": asked_for_a_pool},
        ),
        policies.Statement(
            sid="TagWhatIsBeingLaunched",
            actions=("ec2:CreateTags",),
            resources=created,
            conditions={
                "StringEquals": {
                    **asked_for,
                    "ec2:CreateAction": ["CreateFleet", "CreateLaunchTemplate", "RunInstances"],
                },
                "StringLike": asked_for_a_pool,
            },
        ),
        policies.Statement(
            sid="TagOwnInstances",
            actions=("ec2:CreateTags",),
            resources=instances,
            conditions={
                "StringEquals": of_this_cluster,
                "StringLike": of_a_pool,
                "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": cluster},
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": ["Name", "eks:eks-cluster-name", "karpenter.sh/nodeclaim"]
                },
            },
        ),
        policies.Statement(
            sid="DeleteOwnMachines",
            actions=("ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"),
            resources=(*instances, *templates),
            conditions={"StringEquals": of_this_cluster, "StringLike": of_a_pool},
        ),
        policies.Statement(
            sid="LookAround",
            actions=_DESCRIBES,
            resources=("*",),
            conditions={"StringEquals": {"aws:RequestedRegion": region}},
        ),
        policies.Statement(
            sid="FindImages",
            actions=("ssm:GetParameter",),
            resources=(f"arn:{PARTITION}:ssm:{region}::parameter/aws/service/*",),
        ),
        policies.Statement(sid="Prices", actions=("pricing:GetProducts",), resources=("*",)),
        policies.Statement(
            sid="Interruptions",
            actions=("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"),
            resources=(queue_arn,),
        ),
        policies.Statement(
            sid="GiveNodesTheirRole",
            actions=("iam:PassRole",),
            resources=(node_role_arn,),
            conditions={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        ),
        policies.Statement(
            sid="ReadTheInstanceProfile",
            actions=("iam:GetInstanceProfile",),
            resources=(account.iam(f"instance-profile/{instance_profile}"),),
        ),
        policies.Statement(
            sid="FindTheApiServer",
            actions=("eks:DescribeCluster",),
            resources=(account.arn("eks", f"cluster/{cluster}"),),
        ),
    )
