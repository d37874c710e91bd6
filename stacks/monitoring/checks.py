"""The rules between the `monitoring:` section, the teams and their servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stacks.language.faults import Fault
from stacks.language.model import did_you_mean, shown
from stacks.monitoring.alerting import AlertingConfig
from stacks.monitoring.config import MonitoringConfig
from stacks.teams.config import TeamConfig
from stacks.workloads.objectives import ServerSlo


def slo_faults(monitoring: MonitoringConfig | None, slo: ServerSlo | None) -> Iterator[Fault]:
    """Objectives of a server that nobody monitors."""
    if monitoring is None and slo is not None:
        message = "needs the monitoring; add monitoring: {} to the environment, or remove it"
        yield Fault(path=("slo",), message=message)


def route_faults(alerting: AlertingConfig | None, teams: Sequence[TeamConfig]) -> Iterator[Fault]:
    """Routes of alerts of teams that do not exist."""
    names = [team.name for team in teams]
    for index, route in enumerate(alerting.routes if alerting else ()):
        if route.team is not None and route.team not in names:
            known = f"the environment's teams are {', '.join(names)}" if names else "the environment has none"
            message = f"there is no team {shown(route.team)}; {known}{did_you_mean(route.team, names)}"
            yield Fault(path=("alerting", "routes", index, "team"), message=message)


def grafana_faults(monitoring: MonitoringConfig | None, default: str) -> Iterator[Fault]:
    """Grafana without the chart that has it. default: how it is installed on the cluster."""
    if monitoring and monitoring.grafana and (monitoring.install or default) == "operator":
        message = "comes with the chart only; write install: chart beside it, or remove it"
        yield Fault(path=("monitoring", "grafana"), message=message)
