"""The cloud of a stack, from its config: the one place that looks which kind of cluster it is."""

from __future__ import annotations

from typing import assert_never

from components.aws.secret_store import controller_environment
from components.cluster import Cluster as ClusterComponent
from components.own_storage import VolumeSource
from components.storage.classes import VolumeDriver
from stacks.clouds.aws.kinds import volumes as aws_volumes
from stacks.clouds.aws.kinds.secret_store import entries_of, store_of
from stacks.clouds.aws.kinds.storage import EfsStorage, FsxStorage
from stacks.clouds.config import AwsCluster, AwsReference, Cluster, ExistingCluster, LocalCluster, TeamCluster
from stacks.clouds.existing import build as existing
from stacks.clouds.interface import Cloud, CloudArgs, EnvironmentReference
from stacks.clouds.kinds import CloudStorage
from stacks.clouds.local import build as local

# The functions of the one secret store that there is. With a second they become matches on its keys, as below.
__all__ = [
    "build_cloud",
    "build_team_cluster",
    "controller_environment",
    "driver_of",
    "entries_of",
    "source_of",
    "store_of",
]


def build_cloud(config: Cluster, args: CloudArgs) -> Cloud:
    match config:
        case LocalCluster():
            return local.build(config, args)
        case ExistingCluster():
            return existing.build(config, args)
        case AwsCluster():
            # Here, since the SDK of AWS takes a second to import, which no other kind of cluster should pay.
            from stacks.clouds.aws import build as aws

            return aws.build(config, args)
        case _:
            assert_never(config)


def build_team_cluster(config: TeamCluster, reference: EnvironmentReference) -> ClusterComponent:
    """The cluster of a team stack, with the rights of who deploys it."""
    match config:
        case AwsReference():
            from stacks.clouds.aws import team_stack

            return team_stack.build(reference)
        case ExistingCluster():
            return existing.connect_to(config, identifier=reference.environment)
        case _:
            assert_never(config)


def driver_of(storage: CloudStorage) -> VolumeDriver | None:
    """How the storage's own StorageClass makes volumes; None where it has none."""
    match storage:
        case EfsStorage() | FsxStorage():
            return aws_volumes.driver_of(storage)
        case _:
            assert_never(storage)


def source_of(storage: CloudStorage, team: str) -> VolumeSource | None:
    """Where the volume of a team is that exists; None for one that a class makes."""
    match storage:
        case EfsStorage() | FsxStorage():
            return aws_volumes.source_of(storage, team)
        case _:
            assert_never(storage)
