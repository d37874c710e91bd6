"""The `monitoring:` section of an environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from components.quantities import parse_quantity
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, rule, shown
from stacks.language.types import Duration, Filled, ObjectName, Size
from stacks.monitoring.alerting import AlertingConfig
from stacks.workloads.objectives import Slo

# The longest window of the alerts on objectives, and the least samples that their shortest one needs (5 minutes).
_LEAST_RETENTION = 3 * 86400
_SCRAPE_INTERVALS = (5, 60)
_LEAST_STORAGE = "1Gi"
# The images of the programs that `install: operator` starts.
_PROGRAMS = (
    "prometheus-operator",
    "prometheus-config-reloader",
    "prometheus",
    "alertmanager",
    "kube-state-metrics",
    "node-exporter",
)


class MonitoringConfig(ConfigModel):
    """Prometheus, Alertmanager, exporters and the platform's alerts."""

    install: Literal["chart", "operator"] | None = Field(
        default=None,
        description="`chart`: kube-prometheus-stack. `operator`: the same programs, without Grafana. "
        "Else `operator` where `cluster.kind` is `local`, `chart` elsewhere.",
    )
    retention: Duration = Field(default=15 * 86400, description="How long metrics are kept; at least 3d.")
    storage: Size = Field(default="50Gi", description="Size of Prometheus' volume; at least 1Gi.")
    storage_class: ObjectName | None = Field(
        default=None, description="StorageClass of the volumes. Else that of the cluster section."
    )
    scrape_interval: Duration = Field(default=30, description="Time between two readings of a target; 5s to 1m.")
    slo: Slo = Field(default=Slo(), description="What every model server promises that says nothing else.")
    alerting: AlertingConfig | None = Field(default=None, description="Who hears of alerts. Else nobody.")
    runbooks: Filled = Field(
        default="docs/runbooks.md", description="Address of the page with the runbooks, for the links in alerts."
    )
    grafana: bool | None = Field(default=None, description="Whether to install Grafana. Else with the chart.")

    def installs(self, cluster: str) -> Iterator[str]:
        yield from super().installs(cluster)
        yield "prometheus-operator-crds"
        yield from ("kube-prometheus-stack",) if self.install_on(cluster) == "chart" else _PROGRAMS

    def install_on(self, cluster: str) -> Literal["chart", "operator"]:
        """How it gets onto a cluster of that kind: the embedded one has the programs, and no chart."""
        return self.install or ("operator" if cluster == "local" else "chart")

    @rule()
    def _amounts(self) -> Iterator[Fault]:
        if self.retention < _LEAST_RETENTION:
            message = "is too short for the alerts on objectives, which look back 3 days; write at least 3d"
            yield Fault(path=("retention",), message=message)
        least, most = _SCRAPE_INTERVALS
        if not least <= self.scrape_interval <= most:
            message = f"is {self.scrape_interval} s; write at least {least}s, and at most {most}s for the alerts' sake"
            yield Fault(path=("scrapeInterval",), message=message)
        if parse_quantity(self.storage) < parse_quantity(_LEAST_STORAGE):
            message = f"{shown(self.storage)} is too small for a Prometheus; write at least {_LEAST_STORAGE}"
            yield Fault(path=("storage",), message=message)
