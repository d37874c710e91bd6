"""Every query of every dashboard and every expression of every rule, against the running Prometheus.

Each has data, or reads a series of which `silent.py` says why it has none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from components.monitoring.dashboards.grafana import FOLDER_ANNOTATION, LABEL
from components.monitoring.dashboards.queries import PanelQuery, queries
from components.monitoring.dashboards.servers import SERVERS
from tests import promql
from tests.embedded import EmbeddedCluster
from tests.platform.helpers.api import CONNECTIONS, Api
from tests.platform.helpers.prometheus import NAMESPACE, Prometheus
from tests.platform.helpers.silent import NEVER, PERHAPS

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

# The team that trains and serves for real. Of the others' dashboards it is enough that their queries are understood.
TEAM = "vision"
CHOICES = {"namespace": TEAM, "server": "digits"}
# Metrics are read several times within it, however busy the machine is.
PATIENCE_SECONDS = 300
SAMPLE = [0.0] * 64


QUERY = f"/api/v1/namespaces/{NAMESPACE}/services/prometheus:web/proxy/api/v1/query"


class Queries:
    """Many queries in a short time."""

    def __init__(self, platform: EmbeddedCluster) -> None:
        self.api = Api(platform.node.instance.kubeconfig)

    def ask(self, expression: str) -> list[Any]:
        """The series of an expression that are a number now. AssertionError when Prometheus does not understand it."""
        answer = self.api.request("GET", f"{QUERY}?{urlencode({'query': expression})}")
        assert answer.status == 200, f"{expression}: {answer.body}"
        return [one for one in answer.body["data"]["result"] if not math.isnan(float(one["value"][1]))]

    def ask_all(self, expressions: Iterable[str]) -> dict[str, list[Any]]:
        """The same for many expressions, by expression."""
        wanted = sorted(set(expressions))
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return dict(zip(wanted, pool.map(self.ask, wanted), strict=True))


@pytest.fixture(scope="module")
def prometheus(platform: EmbeddedCluster) -> Queries:
    return Queries(platform)


@pytest.fixture(scope="module")
def rules(platform: EmbeddedCluster) -> list[dict[str, Any]]:
    """Every rule that Prometheus has loaded."""
    return Prometheus(platform).rules()


@pytest.fixture(scope="module")
def panel_queries(platform: EmbeddedCluster) -> list[PanelQuery]:
    """The queries of the dashboards that are on the cluster."""
    maps = platform.get("configmaps", "-n", "monitoring", "-l", f"{LABEL}=1")["items"]
    return [query for one in maps for text in one["data"].values() for query in queries(text)]


def is_silent(expression: str) -> bool:
    return not promql.series(expression).isdisjoint(NEVER.keys() | PERHAPS.keys())


def without_data(platform: EmbeddedCluster, prometheus: Queries, expressions: set[str]) -> list[str]:
    """Expressions that have no data for as long as we wait, while a client asks for predictions."""
    url = platform.outputs()["teams"][TEAM]["serving"]["digits"]["url"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    missing = expressions
    while missing and time.monotonic() < deadline:
        with httpx.Client(trust_env=False, timeout=30) as client:
            for _ in range(20):
                client.post(f"{url}/predict", json={"input": SAMPLE}).raise_for_status()
        missing = {expression for expression, found in prometheus.ask_all(missing).items() if not found}
    return sorted(missing)


def test_each_dashboard_is_in_its_folder(platform: EmbeddedCluster) -> None:
    maps = platform.get("configmaps", "-n", "monitoring", "-l", f"{LABEL}=1")["items"]
    folders = [one["metadata"]["annotations"][FOLDER_ANNOTATION] for one in maps]
    assert sorted(set(folders)) == ["Platform", *sorted(f"Team {team}" for team in platform.outputs()["teams"])]
    assert folders.count("Platform") == 4


def test_every_query_is_understood(prometheus: Queries, panel_queries: list[PanelQuery]) -> None:
    assert len(panel_queries) > 100
    prometheus.ask_all(query.instant(CHOICES) for query in panel_queries)


@pytest.mark.proves("monitoring", "every panel of every dashboard has data", by="real run")
def test_every_panel_has_data_or_a_reason(
    platform: EmbeddedCluster, prometheus: Queries, panel_queries: list[PanelQuery]
) -> None:
    wanted = {
        query.instant(CHOICES): f"{query.board}: {query.panel}"
        for query in panel_queries
        if "-team-" not in query.board or query.board.endswith(f"-team-{TEAM}")
    }
    missing = without_data(platform, prometheus, {text for text in wanted if not is_silent(text)})
    assert {wanted[text]: text for text in missing} == {}


def test_the_choices_of_a_dashboard_have_values(prometheus: Queries) -> None:
    found = {one["metric"]["service"] for one in prometheus.ask(f'{SERVERS}{{namespace="{TEAM}"}}')}
    assert CHOICES["server"] in found


@pytest.mark.proves("monitoring", "every rule is evaluated on series that exist", by="real run")
def test_every_rule_is_evaluated_and_reads_series_that_there_are(
    platform: EmbeddedCluster, prometheus: Queries, rules: list[dict[str, Any]]
) -> None:
    assert {rule["type"] for rule in rules} == {"alerting", "recording"}
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] == "err"} == {}
    read = {name for rule in rules for name in promql.series(rule["query"])}
    missing = without_data(platform, prometheus, read - NEVER.keys() - PERHAPS.keys())
    assert missing == []


def test_what_is_said_to_have_no_data_has_none(prometheus: Queries) -> None:
    assert {name: NEVER[name] for name, found in prometheus.ask_all(NEVER).items() if found} == {}


def test_every_reason_is_of_a_series_that_is_read(rules: list[dict[str, Any]], panel_queries: list[PanelQuery]) -> None:
    expressions = [*(query.instant(CHOICES) for query in panel_queries), *(rule["query"] for rule in rules)]
    read = {name for expression in expressions for name in promql.series(expression)}
    assert (NEVER.keys() | PERHAPS.keys()) - read == set()
