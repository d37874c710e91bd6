"""The cloud of a stack, from its config: the one place that looks which kind of cluster it is."""

from __future__ import annotations

from typing import assert_never

from stacks.clouds.config import AwsCluster, Cluster, ExistingCluster, LocalCluster
from stacks.clouds.existing import build as existing
from stacks.clouds.interface import Cloud, CloudArgs
from stacks.clouds.local import build as local


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
