"""The embedded cluster, which gives its machine a route to the addresses of Services."""

from __future__ import annotations

from stacks.clouds.connect import connect
from stacks.clouds.interface import Cloud, CloudArgs
from stacks.clouds.local.config import LocalCluster


def build(config: LocalCluster, args: CloudArgs) -> Cloud:
    return Cloud(cluster=connect(config, kind=config.kind, sources=args.sources))
