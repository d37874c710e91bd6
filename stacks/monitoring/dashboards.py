"""The dashboards of an environment, from its config."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi

from components.monitoring.service import Monitoring
from stacks.teams.config import TeamConfig


def build_dashboards(teams: Iterable[TeamConfig], monitoring: Monitoring, *, queueing: bool) -> None:
    """Makes the platform's dashboards, and one of each team, beside the monitoring whose metrics they show.

    queueing: whether there are queues to show.
    """
    # Here, since their library takes its time to import, which no environment without a monitoring should pay.
    from components.monitoring.dashboards.grafana import Dashboards, DashboardsArgs

    Dashboards(
        "dashboards",
        DashboardsArgs(
            namespace=monitoring.namespace,
            teams={team.name: team.namespace_name for team in teams},
            queueing=queueing,
        ),
        pulumi.ResourceOptions(parent=monitoring),
    )
