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
        description="`chart`: kube-prometheus-stack. `operator`: the same programs without Grafana. Default: "
        "`chart`, or `operator` with `cluster.kind: local`.",
    )
    retention: Duration = Field(default=15 * 86400, description="Retention of metrics, at least 3d.")
    storage: Size = Field(default="50Gi", description="Size of the volume of Prometheus, at least 1Gi.")
    storage_class: ObjectName | None = Field(
        default=None, description="StorageClass of the volumes. Default: the class of the cluster section."
    )
    scrape_interval: Duration = Field(default=30, description="Scrape interval, 5s to 1m.")
    slo: Slo = Field(default=Slo(), description="Objectives of model servers that do not set their own.")
    alerting: AlertingConfig | None = Field(default=None, description="Receivers of alerts. Default: none.")
    runbooks: Filled = Field(
        default="docs/runbooks.md", description="Address of the runbooks, for the links in alerts."
    )
    grafana: bool | None = Field(
        default=None, description="Whether to install Grafana. Default: only with `install: chart`."
    )

    def installs(self, cluster: str) -> Iterator[str]:
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
