"""The logs of an environment, from its config."""

from __future__ import annotations

from typing import assert_never

import pulumi

from components.cluster import Cluster
from components.logging.logs import Logs, LogsArgs, LogStore, LokiArgs
from stacks.logging.config import ExistingLoki, InstalledLoki, Logging


def build_logs(config: Logging, cluster: Cluster) -> Logs:
    """Makes the collector, and Loki where the config does not name another store."""
    return Logs("logs", logs_args(config, cluster), pulumi.ResourceOptions(providers=[cluster.provider]))


def logs_args(config: Logging, cluster: Cluster) -> LogsArgs:
    match config.loki:
        case InstalledLoki(retention=retention, size=size, storage_class=storage_class):
            loki = LokiArgs(
                retention_hours=retention // 3600, size=size, storage_class=storage_class or cluster.storage_class
            )
            return LogsArgs(sources=cluster.sources, connection=cluster.connection, loki=loki)
        case ExistingLoki(url=url, credentials=credentials):
            store = LogStore(
                url=url,
                secret=credentials.secret if credentials else None,
                key=credentials.key if credentials else None,
            )
            return LogsArgs(sources=cluster.sources, connection=cluster.connection, store=store)
        case _:
            assert_never(config.loki)
