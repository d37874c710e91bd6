"""The queries of a dashboard, read off the JSON that Grafana gets: for whoever runs them elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What Grafana works out from the width of the graph, for who has no graph.
RATE_WINDOW = "5m"


@dataclass(frozen=True, kw_only=True)
class PanelQuery:
    """One PromQL expression of a panel. `reference` tells those of one panel apart."""

    board: str
    panel: str
    reference: str
    expression: str
    legend: str

    def instant(self, choices: Mapping[str, str] | None = None) -> str:
        """The expression as Prometheus takes it. `choices` are values of the dashboard's variables."""
        text = self.expression.replace("$__rate_interval", RATE_WINDOW)
        for name, value in (choices or {}).items():
            text = text.replace(f"${name}", value)
        return text


def queries(document: str) -> list[PanelQuery]:
    """All queries of a dashboard's JSON, in the order of its panels."""
    board: dict[str, Any] = json.loads(document)
    return [
        PanelQuery(
            board=board["uid"],
            panel=panel["title"],
            reference=target["refId"],
            expression=target["expr"],
            legend=target.get("legendFormat") or "",
        )
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]
