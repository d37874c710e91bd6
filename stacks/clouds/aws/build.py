"""An AWS environment from its config: everything below and beside the cluster, and the cluster itself."""

from __future__ import annotations

import pulumi

from components.aws.account import Account
from components.aws.data import efs_csi, fsx_csi
from components.aws.data.storage_classes import StorageClasses, StorageClassesArgs
from components.aws.identity import POD_IDENTITY_AGENT, PodRole, PodRoleArgs
from components.aws.names import reader_role
from components.aws.policies import Statement
from components.aws.team import TeamResources, TeamResourcesArgs
from components.cluster import Cluster, ClusterArgs
from components.external_secrets import operator as external_secrets
from components.own_storage import FileSystem, OwnStorage
from stacks.clouds.aws.compute import Compute
from stacks.clouds.aws.config import AwsCluster
from stacks.clouds.aws.data import Data
from stacks.clouds.aws.foundation import Foundation
from stacks.clouds.aws.outputs import AwsOutputs
from stacks.clouds.interface import Cloud, CloudArgs, CloudTeam


def build(config: AwsCluster, args: CloudArgs) -> Cloud:
    made = AwsEnvironment(config, args)
    return Cloud(cluster=made.cluster, outputs={"aws": made.outputs()})


class AwsEnvironment:
    """All of an environment that is in AWS, and its cluster, on which the teams' workloads go."""

    cluster: Cluster

    def __init__(self, config: AwsCluster, args: CloudArgs) -> None:
        self._config, self._args = config, args
        self._base = Foundation(config, args.stack)
        self._compute = Compute(self._base, args.sources, args.node_labels)
        self._data = Data(self._base, self._compute.eks)
        self._secrets_reader = self._external_secrets_role() if args.secret_store else None
        self._teams = {team.name: self._team(team) for team in args.teams}
        self.cluster = self._cluster()

    def _cluster(self) -> Cluster:
        config, files = self._config, self._data.files
        block_driver = "ebs.csi.aws.com" if "aws-ebs-csi-driver" in config.addons else None
        classes = StorageClasses(
            "storage-classes",
            StorageClassesArgs(
                key_arn=self._base.data_key,
                block_driver="ebs.csi.eks.amazonaws.com" if config.auto_mode else block_driver,
                volume_tags=self._base.tags,
                file_system_id=files.id if files else None,
            ),
            pulumi.ResourceOptions(providers=[self._compute.bootstrap]),
        )
        return Cluster(
            "cluster",
            ClusterArgs(
                identifier=config.name,
                kind=config.kind,
                server=self._compute.eks.endpoint,
                kubeconfig=self._compute.eks.kubeconfig,
                # Training and serving share volumes, and mostly run on different nodes.
                storage_class=classes.shared or classes.block,
                sources=self._args.sources,
                own_storage=self._own_storage(classes.shared),
                pod_traffic=(POD_IDENTITY_AGENT,),
                secret_readers={
                    name: team.reader_arn for name, team in self._teams.items() if team.reader_arn is not None
                },
                after=(*self._compute.ready, classes, *(files.mount_targets if files else ())),
            ),
        )

    def _external_secrets_role(self) -> pulumi.Output[str]:
        """The role of External Secrets, which reads nothing itself: it takes on that of the team whose entry it is."""
        return PodRole(
            "aws-external-secrets",
            PodRoleArgs(
                account=self._base.account,
                cluster=self._compute.eks.name,
                role=f"{self._config.name}-external-secrets",
                namespace=external_secrets.NAMESPACE,
                service_account=external_secrets.CHART,
                statements=(reader_use(self._base.account, self._config.name),),
            ),
            self._base.opts,
        ).arn

    def _own_storage(self, efs_class: str | None) -> OwnStorage:
        efs, lustre = self._data.files, self._data.lustre
        file_systems: dict[str, FileSystem] = {}
        if efs:
            points = {name: team.folder for name, team in self._teams.items()}
            folders = {name: efs_csi.access_point(efs.id, point) for name, point in points.items() if point is not None}
            file_systems["efs"] = FileSystem(class_name=efs_class, folders=folders)
        if lustre:
            whole = fsx_csi.file_system(lustre.id, lustre.dns_name, lustre.mount_name)
            file_systems["fsx"] = FileSystem(whole=whole)
        return OwnStorage(
            region=self._config.region,
            file_systems=file_systems,
            buckets={bucket.name: self._config.bucket_name(bucket.name) for bucket in self._config.buckets},
        )

    def _team(self, team: CloudTeam) -> TeamResources:
        config, files = self._config, self._data.files
        said = config.resources_of(team.name)
        args = TeamResourcesArgs(
            account=self._base.account,
            environment=config.name,
            cluster=self._compute.eks.name,
            cluster_name=config.name,
            team=team.name,
            namespace=team.namespace,
            service_accounts=team.service_accounts,
            buckets=tuple(config.bucket_name(bucket.name) for bucket in config.buckets),
            data_key_arn=self._base.data_key,
            file_system_id=files.id if files else None,
            images=said.images,
            secrets=said.secrets,
            secrets_reader=self._secrets_reader if team.reads_entries else None,
            budget=said.budget,
            emails=said.emails,
        )
        return TeamResources(f"aws-{team.name}", args, self._base.opts)

    def outputs(self) -> AwsOutputs:
        """What other stacks, and people, need to know of the environment."""
        data = self._data
        return {
            "account": self._config.account,
            "region": self._config.region,
            "cluster": self._compute.eks.name,
            "kubeconfig": self._compute.eks.kubeconfig,
            "buckets": data.buckets,
            "images": data.images,
            "fileSystem": data.files.id if data.files else None,
            "lustre": data.lustre.dns_name if data.lustre else None,
            "database": (
                {"address": data.database.address, "secret": data.database.secret_arn} if data.database else None
            ),
            "teams": {
                name: {"role": team.role_arn, "images": team.repositories, "folder": team.folder}
                for name, team in self._teams.items()
            },
        }


def reader_use(account: Account, cluster: str) -> Statement:
    """What External Secrets may do itself: take on the teams' reading roles, which nothing else is named like.

    By their pattern, so that a new team changes nothing here. Each of them says in its trust who may take it on.
    """
    return Statement(
        sid="RolesThatReadSecrets",
        actions=("sts:AssumeRole", "sts:TagSession"),
        resources=(account.iam(f"role/{reader_role(cluster, '*')}"),),
    )
