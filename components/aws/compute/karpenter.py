"""Karpenter: the identity of its controller, the queue of interruptions, the controller itself, and its
pools.
"""

from __future__ import annotations

import dataclasses
import json

import pulumi
import pulumi_kubernetes as k8s
from pulumi_aws import cloudwatch, ec2, sqs

from components.aws import policies
from components.aws.account import Account
from components.aws.compute import karpenter_objects, karpenter_policy
from components.aws.compute.pools import SYSTEM_POOL, NodePool
from components.aws.identity import PodRole, PodRoleArgs
from components.aws.network import Vpc
from components.placement import POOL_LABEL
from components.platform.connection import Connection
from components.platform.sources import ReleaseSource
from components.platform.upkeep import Upkeep, UpkeepArgs

NAMESPACE = "kube-system"
SERVICE_ACCOUNT = "karpenter"

# What EC2 and AWS Health tell about machines before they take them away.
EVENTS: dict[str, tuple[str, str]] = {
    "health": ("aws.health", "AWS Health Event"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "reservation-interruption": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    "spot-interruption": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "state-change": ("aws.ec2", "EC2 Instance State-change Notification"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class KarpenterArgs:
    """chart, crd_chart: where they come from. image: the controller's, with its tag.

    replicas: 2 where the system pool has two nodes or more.
    """

    account: Account
    cluster: pulumi.Input[str]
    cluster_name: str
    cluster_endpoint: pulumi.Input[str]
    node_role_arn: pulumi.Input[str]
    instance_profile: str
    chart: ReleaseSource
    crd_chart: ReleaseSource
    connection: Connection
    image: str
    replicas: int = 2


class Karpenter(pulumi.ComponentResource):
    """The controller that starts nodes for pods that wait, and gives them back when they are empty."""

    release: k8s.helm.v3.Release

    def __init__(self, name: str, args: KarpenterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:Karpenter", name, None, opts)
        queue = self._interruption_queue(name, args)
        identity = PodRole(
            f"{name}-identity",
            PodRoleArgs(
                account=args.account,
                cluster=args.cluster,
                role=f"{args.cluster_name}-karpenter",
                namespace=NAMESPACE,
                service_account=SERVICE_ACCOUNT,
                statements=karpenter_policy.statements(
                    account=args.account,
                    cluster=args.cluster_name,
                    queue_arn=queue.arn,
                    node_role_arn=args.node_role_arn,
                    instance_profile=args.instance_profile,
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # CRDs have a chart of their own: Helm never upgrades those that come inside another chart.
        crds = k8s.helm.v3.Release(
            f"{name}-crds",
            name="karpenter-crd",
            chart=args.crd_chart.chart,
            version=args.crd_chart.version,
            repository_opts=args.crd_chart.repository_opts,
            namespace=NAMESPACE,
            opts=pulumi.ResourceOptions(parent=self),
        )
        repository, _, tag = args.image.rpartition(":")
        self.release = k8s.helm.v3.Release(
            f"{name}-controller",
            name="karpenter",
            chart=args.chart.chart,
            version=args.chart.version,
            repository_opts=args.chart.repository_opts,
            namespace=NAMESPACE,
            skip_crds=True,
            values={
                "replicas": args.replicas,
                "serviceAccount": {"name": SERVICE_ACCOUNT},
                "settings": {
                    "clusterName": args.cluster_name,
                    "clusterEndpoint": args.cluster_endpoint,
                    "interruptionQueue": queue.name,
                },
                # It must not stand on nodes that it may take away.
                "nodeSelector": {"kubernetes.io/os": "linux", POOL_LABEL: SYSTEM_POOL},
                "controller": {
                    "image": {"repository": repository, "tag": tag},
                    "resources": {
                        "requests": {"cpu": "250m", "memory": "512Mi"},
                        "limits": {"memory": "1Gi"},
                    },
                },
            },
            # Without its identity the controller starts, fails its first call to EC2, and is restarted.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[crds, identity]),
        )
        for release, made in (("karpenter-crd", crds), ("karpenter", self.release)):
            Upkeep(
                f"{name}-upkeep-{release}",
                UpkeepArgs(release=release, namespace=NAMESPACE, connection=args.connection),
                pulumi.ResourceOptions(parent=self, depends_on=[made]),
            )
        self.register_outputs({})

    def _interruption_queue(self, name: str, args: KarpenterArgs) -> sqs.Queue:
        child = pulumi.ResourceOptions(parent=self)
        queue_name = f"{args.cluster_name}-karpenter"
        arn = args.account.arn("sqs", queue_name)
        queue = sqs.Queue(
            f"{name}-interruptions",
            name=queue_name,
            # A warning comes two minutes before the end; older than five, it is of no use.
            message_retention_seconds=300,
            sqs_managed_sse_enabled=True,
            tags={"Name": queue_name},
            opts=child,
        )
        rules = [f"rule/{queue_name}-{event}" for event in EVENTS]
        sqs.QueuePolicy(
            f"{name}-interruptions-policy",
            queue_url=queue.url,
            policy=policies.to_json(
                policies.document(
                    policies.Statement(
                        sid="EventsOfThisCluster",
                        actions=("sqs:SendMessage",),
                        resources=(arn,),
                        principals={"Service": "events.amazonaws.com"},
                        conditions={"ArnEquals": {"aws:SourceArn": [args.account.arn("events", r) for r in rules]}},
                    ),
                    policies.tls_only("DenyWithoutTls", ("sqs:*",), (arn,)),
                )
            ),
            opts=child,
        )
        for event, (source, detail_type) in EVENTS.items():
            rule = cloudwatch.EventRule(
                f"{name}-{event}",
                name=f"{queue_name}-{event}",
                description=f"{detail_type}, to Karpenter",
                event_pattern=json.dumps({"source": [source], "detail-type": [detail_type]}),
                tags={"Name": f"{queue_name}-{event}"},
                opts=child,
            )
            cloudwatch.EventTarget(
                f"{name}-{event}-target",
                rule=rule.name,
                target_id="karpenter",
                arn=queue.arn,
                opts=child,
            )
        return queue


@dataclasses.dataclass(frozen=True, kw_only=True)
class KarpenterNodePoolArgs:
    """node_tags: tags of instances and volumes. image_release: of the EKS images, from the catalog.

    after: the controller and its CRDs, which must outlive the pool: they take its machines down.
    """

    cluster_name: str
    vpc: Vpc
    pool: NodePool
    image_release: str
    instance_profile: pulumi.Input[str]
    node_tags: dict[str, str]
    efa_group_id: pulumi.Input[str] | None = None
    auto_mode: bool = False
    after: tuple[pulumi.Resource, ...] = ()


class KarpenterNodePool(pulumi.ComponentResource):
    """A node pool that starts at no node, grows with waiting pods and shrinks to none."""

    def __init__(self, name: str, args: KarpenterNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:KarpenterNodePool", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        pool = args.pool
        depends: list[pulumi.Resource] = [*args.after]
        if not args.auto_mode:
            placement = None
            if pool.placement_group:
                placement = ec2.PlacementGroup(
                    f"{name}-placement",
                    name=f"{args.cluster_name}-{pool.name}",
                    strategy="cluster",
                    tags={"Name": f"{args.cluster_name}-{pool.name}"},
                    opts=child,
                ).name
            depends.append(
                k8s.apiextensions.CustomResource(
                    f"{name}-class",
                    api_version=karpenter_objects.NODE_CLASS_API,
                    kind="EC2NodeClass",
                    metadata={"name": pool.name},
                    spec=karpenter_objects.node_class_spec(
                        pool,
                        cluster=args.cluster_name,
                        image_release=args.image_release,
                        instance_profile=args.instance_profile,
                        node_tags=args.node_tags,
                        efa_group_id=args.efa_group_id,
                        placement_group=placement,
                    ),
                    opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
                )
            )
        k8s.apiextensions.CustomResource(
            f"{name}-pool",
            api_version=karpenter_objects.NODE_POOL_API,
            kind="NodePool",
            metadata={"name": pool.name},
            spec=karpenter_objects.node_pool_spec(
                pool, zones=pool.zones or tuple(args.vpc.private), auto_mode=args.auto_mode
            ),
            # The pool goes first: a class cannot be deleted while machines of it run.
            opts=pulumi.ResourceOptions(parent=self, depends_on=depends),
        )
        self.register_outputs({})
