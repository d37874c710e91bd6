"""Prometheus and Alertmanager of the platform, through the API server's proxy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.embedded import EmbeddedCluster

NAMESPACE = "monitoring"


@dataclass(frozen=True)
class Series:
    """One series of an answer."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Prometheus:
    """The Prometheus of a cluster."""

    cluster: EmbeddedCluster

    def get(self, path: str, service: str = "prometheus", **parameters: str) -> Any:
        """What a Service of the monitoring answers to a GET, as JSON."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        url = f"/api/v1/namespaces/{NAMESPACE}/services/{service}:web/proxy{path}{query}"
        return json.loads(self.cluster.kubectl("get", "--raw", url).stdout)

    def query(self, expression: str) -> list[Series]:
        """The series that an instant query finds now. AssertionError when Prometheus cannot evaluate it."""
        answer = self.get("/api/v1/query", query=expression)
        assert answer["status"] == "success", answer
        found = answer["data"]["result"]
        if answer["data"]["resultType"] == "scalar":
            return [Series(labels={}, value=float(found[1]))]
        return [Series(labels=one["metric"], value=float(one["value"][1])) for one in found]

    def targets(self) -> list[dict[str, Any]]:
        """The targets that it reads, with the last error of each."""
        return self.get("/api/v1/targets", state="active")["data"]["activeTargets"]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule that is loaded, with its health."""
        groups = self.get("/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that have reached Alertmanager."""
        return self.get("/api/v2/alerts", "alertmanager")
