"""The dashboards as Grafana finds them: a ConfigMap for each, which its sidecar reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from components.monitoring import names
from components.monitoring.dashboards.cluster import cluster_board
from components.monitoring.dashboards.gpu import gpu_board
from components.monitoring.dashboards.queues import queues_board
from components.monitoring.dashboards.servers import servers_board
from components.monitoring.dashboards.team import team_board

# By which the sidecar of Grafana's chart finds a dashboard and its folder (components.monitoring.stack_chart).
LABEL = "grafana_dashboard"
FOLDER_ANNOTATION = "grafana_folder"
PLATFORM_FOLDER = "Platform"
# What Kubernetes lets a ConfigMap hold.
LARGEST = 1024**2


@dataclass(frozen=True, kw_only=True)
class Board:
    """A dashboard, and the folder of Grafana that it is in."""

    folder: str
    dashboard: dashboard.Dashboard

    @property
    def uid(self) -> str:
        """The name by which links find it; it stays as it is."""
        return str(self.dashboard.uid)

    @property
    def text(self) -> str:
        """The JSON that Grafana reads, always the same for the same dashboard."""
        return json.dumps(self.dashboard, cls=JSONEncoder, sort_keys=True, indent=1)

    @property
    def config_map(self) -> str:
        """Name of its ConfigMap. It has the content's hash, since a ConfigMap of ours never changes."""
        return f"{self.uid}-{hashlib.sha256(self.text.encode()).hexdigest()[:10]}"


def boards(teams: Mapping[str, str], *, queueing: bool) -> tuple[Board, ...]:
    """All dashboards of an environment. `teams` are namespaces by the names of their teams."""
    platform = [cluster_board(), gpu_board(), servers_board(), *([queues_board()] if queueing else [])]
    return (
        *(Board(folder=PLATFORM_FOLDER, dashboard=made) for made in platform),
        *(
            Board(folder=f"Team {team}", dashboard=team_board(team, namespace))
            for team, namespace in sorted(teams.items())
        ),
    )


@dataclass(frozen=True, kw_only=True)
class DashboardsArgs:
    """`teams`: namespaces by the names of their teams. `queueing`: there is a Kueue, whose metrics are read."""

    teams: Mapping[str, str]
    queueing: bool
    namespace: pulumi.Input[str] = names.NAMESPACE


class Dashboards(pulumi.ComponentResource):
    """The platform's dashboards in a folder of theirs, and one of each team in that team's folder."""

    def __init__(self, name: str, args: DashboardsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:monitoring:Dashboards", name, None, opts)
        for board in boards(args.teams, queueing=args.queueing):
            k8s.core.v1.ConfigMap(
                f"{name}-{board.uid}",
                metadata={
                    "name": board.config_map,
                    "namespace": args.namespace,
                    "labels": {**names.labels("grafana"), LABEL: "1"},
                    "annotations": {FOLDER_ANNOTATION: board.folder},
                },
                data={f"{board.uid}.json": board.text},
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
