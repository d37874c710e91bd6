"""The dashboards of an environment, from its config."""

from __future__ import annotations

import pulumi

from components.monitoring.service import Monitoring
from stacks.environment.config import Environment


def build_dashboards(environment: Environment, monitoring: Monitoring) -> None:
    """Makes the platform's dashboards, and one of each team, beside the monitoring whose metrics they show."""
    # Here, since their library takes its time to import, which no environment without a monitoring should pay.
    from components.monitoring.dashboards.grafana import Dashboards, DashboardsArgs

    Dashboards(
        "dashboards",
        DashboardsArgs(
            namespace=monitoring.namespace,
            teams={team.name: team.namespace_name for team in environment.teams},
            queueing=environment.queueing is not None,
        ),
        pulumi.ResourceOptions(parent=monitoring),
    )
