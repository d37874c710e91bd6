"""The cluster of an AWS environment: control plane, add-ons, node pools and what scales them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pulumi
import pulumi_kubernetes as k8s
from pulumi_aws import ec2, vpc

from components.aws.compute import addons
from components.aws.compute.addons import Addon, AddonArgs
from components.aws.compute.cluster import Access, EksCluster, EksClusterArgs
from components.aws.compute.karpenter import Karpenter, KarpenterArgs, KarpenterNodePool, KarpenterNodePoolArgs
from components.aws.compute.node_pools import ManagedNodePool, ManagedNodePoolArgs, NodeRole, NodeRoleArgs
from components.aws.compute.pools import SYSTEM_POOL, NodePool
from components.cluster import CLIENT_SETTINGS
from components.platform.connection import Connection
from components.platform.sources import Sources
from stacks.clouds.aws.foundation import Foundation
from stacks.clouds.aws.pools_config import NodePoolConfig

_ACCESS_POLICIES = {"admin": "AmazonEKSClusterAdminPolicy", "view": "AmazonEKSAdminViewPolicy"}


class Compute:
    """An EKS cluster with its nodes.

    bootstrap: the Kubernetes provider of what must be there before any workload, and outlive it: workloads have a
    provider of their own, which comes after `ready`. So a destroy takes pods and load balancers down while there
    still are nodes and controllers to do it.
    """

    eks: EksCluster
    bootstrap: k8s.Provider
    ready: tuple[pulumi.Resource, ...]

    def __init__(
        self, foundation: Foundation, sources: Sources, node_labels: Callable[[str], Mapping[str, str]]
    ) -> None:
        self._base, self._config, self._sources = foundation, foundation.config, sources
        self._pools = tuple(node_pool(pool, node_labels(pool.name)) for pool in self._config.node_pools)
        self._node_role = NodeRole(
            "nodes",
            NodeRoleArgs(role=f"{self._config.name}-nodes", auto_mode=self._config.auto_mode),
            foundation.opts,
        )
        self.eks = self._control_plane()
        efa_group = self._efa_group() if any(pool.efa for pool in self._pools) else None
        before = self._addons(addons.BEFORE_NODES, ())
        managed = self._managed_pools(efa_group, before)
        nodes_and_addons = (*managed, *self._addons(addons.AFTER_NODES, managed))
        self.bootstrap = k8s.Provider(
            "bootstrap",
            kubeconfig=self.eks.kubeconfig,
            cluster_identifier=self._config.name,
            enable_server_side_apply=True,
            delete_unreachable=False,
            kube_client_settings=CLIENT_SETTINGS,
            opts=pulumi.ResourceOptions(depends_on=nodes_and_addons),
        )
        self.ready = (*nodes_and_addons, *self._karpenter(efa_group))

    def _scaled_by(self, scaler: str) -> list[NodePool]:
        said = zip(self._pools, self._config.node_pools, strict=True)
        return [pool for pool, config in said if config.scaler == scaler]

    def _control_plane(self) -> EksCluster:
        config = self._config
        return EksCluster(
            "eks",
            EksClusterArgs(
                account=self._base.account,
                cluster=config.name,
                version=config.version,
                vpc=self._base.vpc,
                node_role_arn=self._node_role.arn,
                secrets_key_arn=self._base.secrets_key,
                log_key_arn=self._base.log_key,
                public_cidrs=config.api_server.cidrs,
                access=tuple(
                    Access(
                        name=entry.name,
                        principal_arn=entry.role,
                        policy=_ACCESS_POLICIES[entry.policy] if entry.policy else None,
                        groups=entry.groups,
                    )
                    for entry in config.access
                ),
                deletion_protection=config.deletion_protection,
                auto_mode=config.auto_mode,
            ),
            self._base.opts,
        )

    def _addons(self, names: tuple[str, ...], after: tuple[pulumi.Resource, ...]) -> tuple[pulumi.Resource, ...]:
        skipped = addons.IN_AUTO_MODE if self._config.auto_mode else ()
        wanted = [name for name in names if name in (*addons.REQUIRED, *self._config.addons)]
        return tuple(
            Addon(
                f"addon-{name}",
                AddonArgs(
                    account=self._base.account,
                    cluster=self.eks.name,
                    cluster_name=self._config.name,
                    addon=name,
                    version=self._base.catalog.eks.addon_version(name, self._config.version),
                    data_key_arn=self._base.data_key,
                    volume_tags=self._base.tags,
                    after=after,
                ),
                self._base.opts,
            )
            for name in wanted
            if name not in skipped
        )

    def _managed_pools(
        self, efa_group: pulumi.Input[str] | None, addons_of_nodes: tuple[pulumi.Resource, ...]
    ) -> tuple[ManagedNodePool, ...]:
        # Nodes join by the access entry of their role, and are ready once the add-ons on them run.
        joined = (self.eks.node_access,) if self.eks.node_access else ()
        return tuple(
            ManagedNodePool(
                f"pool-{pool.name}",
                ManagedNodePoolArgs(
                    cluster=self.eks.name,
                    cluster_name=self._config.name,
                    cluster_group_id=self.eks.security_group_id,
                    vpc=self._base.vpc,
                    pool=pool,
                    node_role_arn=self._node_role.arn,
                    node_tags=self._base.tags,
                    efa_group_id=efa_group,
                    after=(*addons_of_nodes, *joined, *self._node_role.attachments),
                ),
                self._base.opts,
            )
            for pool in self._scaled_by("managed")
        )

    def _karpenter(self, efa_group: pulumi.Input[str] | None) -> tuple[pulumi.Resource, ...]:
        config = self._config
        by_karpenter = self._scaled_by("karpenter")
        if not by_karpenter:
            return ()
        both = pulumi.ResourceOptions(providers=[self._base.provider, self.bootstrap])
        installed: tuple[pulumi.Resource, ...] = ()
        if not config.auto_mode:
            system = next(pool for pool in self._pools if pool.name == SYSTEM_POOL)
            controller = Karpenter(
                "karpenter",
                KarpenterArgs(
                    account=self._base.account,
                    cluster=self.eks.name,
                    cluster_name=config.name,
                    cluster_endpoint=self.eks.endpoint,
                    node_role_arn=self._node_role.arn,
                    instance_profile=f"{config.name}-nodes",
                    chart=self._sources.release("karpenter"),
                    crd_chart=self._sources.release("karpenter-crd"),
                    connection=Connection(kubeconfig=self.eks.kubeconfig),
                    image=self._sources.mirrored(self._base.catalog.images_of("karpenter")[0]),
                    replicas=min(2, system.min),
                ),
                both,
            )
            installed = (controller.release,)
        return tuple(
            KarpenterNodePool(
                f"pool-{pool.name}",
                KarpenterNodePoolArgs(
                    cluster_name=config.name,
                    vpc=self._base.vpc,
                    pool=pool,
                    image_release=self._base.catalog.eks.node_image_release,
                    instance_profile=self._node_role.instance_profile,
                    node_tags=self._base.tags,
                    efa_group_id=efa_group,
                    auto_mode=config.auto_mode,
                    after=installed,
                ),
                both,
            )
            for pool in by_karpenter
        )

    def _efa_group(self) -> pulumi.Output[str]:
        name = f"{self._config.name}-efa"
        group = ec2.SecurityGroup(
            "efa",
            name=name,
            description="Nodes that talk to each other by EFA",
            vpc_id=self._base.vpc.id,
            tags={"Name": name},
            opts=self._base.opts,
        )
        # EFA's traffic is matched by group only: a rule for all addresses does not let it through.
        for direction, rule in (
            ("in", vpc.SecurityGroupIngressRule),
            ("out", vpc.SecurityGroupEgressRule),
        ):
            rule(
                f"efa-{direction}",
                security_group_id=group.id,
                description="All traffic among EFA nodes",
                ip_protocol="-1",
                referenced_security_group_id=group.id,
                tags={"Name": f"efa-{direction}"},
                opts=self._base.opts,
            )
        return group.id


def node_pool(pool: NodePoolConfig, labels: Mapping[str, str]) -> NodePool:
    """A pool of the config as the components know it. `labels`: more labels of its nodes."""
    return NodePool(
        name=pool.name,
        instance_types=pool.instance_types,
        capacity=pool.capacity,
        min=pool.min,
        max=pool.max,
        disk=pool.disk,
        zones=pool.zones,
        efa=pool.efa,
        placement_group=pool.placement_group,
        reservation=pool.reservation,
        labels={**pool.labels, **labels},
        team=pool.dedicated_to,
    )
