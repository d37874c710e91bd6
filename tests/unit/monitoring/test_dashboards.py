"""The dashboards: what they ask parses, asks for series that are scraped, and says what it shows."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from components.monitoring import scraping, stack_chart
from components.monitoring.dashboards import queries
from components.monitoring.dashboards.grafana import FOLDER_ANNOTATION, LABEL, LARGEST, Board, boards
from components.monitoring.dashboards.queries import PanelQuery
from components.monitoring.instances import Store
from components.platform.sources import Sources
from images.workloads.predictor.metrics import Metrics
from tests import promql
from tests.unit.stacks.programs import deploy_config, environment, kubeconfig_text, team

BOARDS = boards({"demo": "demo", "vision": "team-vision"}, queueing=True)
QUERIES = [query for board in BOARDS for query in queries.queries(board.text)]
STORE = Store(retention=86400, size="1Gi", size_bytes=2**30, storage_class=None, scrape_interval=30, keep=False)


def name(board: Board) -> str:
    return board.uid


def panels(board: Board) -> list[Any]:
    return [panel for panel in json.loads(board.text)["panels"] if panel["type"] != "row"]


def test_there_is_one_for_the_platform_s_parts_and_one_for_each_team() -> None:
    assert [(board.folder, board.uid) for board in BOARDS] == [
        ("Platform", "ml-platform-cluster"),
        ("Platform", "ml-platform-gpu"),
        ("Platform", "ml-platform-servers"),
        ("Platform", "ml-platform-queues"),
        ("Team demo", "ml-platform-team-demo"),
        ("Team vision", "ml-platform-team-vision"),
    ]
    assert "ml-platform-queues" not in [board.uid for board in boards({}, queueing=False)]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.board}: {query.panel} {query.reference}")
def test_a_query_parses_and_its_legend_names_labels_that_it_has(query: PanelQuery) -> None:
    promql_parser.parse(query.instant())
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        assert re.search(rf"\b{label}\b", query.expression), query.legend


def test_a_query_that_is_no_promql_does_not_pass() -> None:
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse("sum by (rate(up[5m])")


def test_what_an_expression_reads() -> None:
    expression = 'topk(3, sum by (a) (rate(x[5m])) / on (a) y{b="c"}) unless max_over_time(z[5m:1m]) > 0'
    assert promql.series(expression) == {"x", "y", "z"}
    assert promql.series('{__name__=~"k_(a|b)"}') == {'{__name__=~"k_(a|b)"}'}


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.board}: {query.panel} {query.reference}")
def test_a_query_asks_for_series_that_are_kept(query: PanelQuery) -> None:
    kept = {
        "container_": scraping.CONTAINER_SERIES,
        "kubelet_": scraping.KUBELET_SERIES,
        "apiserver_": scraping.API_SERVER_SERIES,
    }
    for found in promql.series(query.instant()):
        for prefix, pattern in kept.items():
            if found.startswith(prefix):
                assert re.fullmatch(pattern, found), found


def test_what_is_asked_of_a_predictor_is_what_it_offers() -> None:
    offered = {metric.name for metric in Metrics().registry.collect()}
    asked = {found for query in QUERIES for found in promql.series(query.instant()) if found.startswith("predictor_")}
    assert len(asked) > 5
    assert {re.sub(r"_(total|bucket|count|sum)$", "", found) for found in asked} <= offered


@pytest.mark.parametrize("board", BOARDS, ids=name)
def test_every_panel_says_what_it_shows(board: Board) -> None:
    found = panels(board)
    assert all(panel["description"].endswith((".", "means.")) for panel in found)
    rows = [panel["title"] for panel in json.loads(board.text)["panels"] if panel["type"] == "row"]
    assert max(Counter(rows).values()) == 1
    assert all(panel["targets"] for panel in found)


@pytest.mark.parametrize("board", BOARDS, ids=name)
def test_panels_lie_beside_each_other(board: Board) -> None:
    taken = Counter(
        (x, y)
        for panel in json.loads(board.text)["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    )
    assert max(taken.values()) == 1
    assert max(x for x, _ in taken) < 24


@pytest.mark.parametrize("board", BOARDS, ids=name)
def test_a_dashboard_uses_no_variable_that_it_does_not_have(board: Board) -> None:
    document = json.loads(board.text)
    declared = {variable["name"] for variable in document["templating"]["list"]} | {"__rate_interval"}
    assert set(re.findall(r"\$\{?(\w+)", board.text)) <= declared
    assert document["editable"] is False


@pytest.mark.parametrize("query", [query for query in QUERIES if "-team-" in query.board], ids=str)
def test_a_team_s_dashboard_shows_no_other_team(query: PanelQuery) -> None:
    namespace = {"ml-platform-team-demo": "demo", "ml-platform-team-vision": "team-vision"}[query.board]
    found = promql.selectors(query.instant())
    narrowed = [matcher.value for one in found for matcher in one.matchers.matchers if matcher.name == "namespace"]
    assert narrowed
    assert set(narrowed) == {namespace}


@pytest.mark.parametrize("board", BOARDS, ids=name)
def test_a_dashboard_fits_into_its_config_map_and_is_named_by_its_content(board: Board) -> None:
    assert len(board.text.encode()) < LARGEST / 4
    assert re.fullmatch(rf"{board.uid}-[0-9a-f]{{10}}", board.config_map)
    again = {one.uid: one for one in boards({"demo": "demo", "vision": "team-vision"}, queueing=True)}
    assert again[board.uid].config_map == board.config_map


def test_another_content_is_another_config_map() -> None:
    moved = {board.uid: board.config_map for board in boards({"demo": "elsewhere"}, queueing=True)}
    before = {board.uid: board.config_map for board in boards({"demo": "demo"}, queueing=True)}
    assert {uid for uid in before if before[uid] != moved[uid]} == {"ml-platform-team-demo"}


def test_grafana_looks_for_the_label_and_the_folder_that_they_have() -> None:
    values = stack_chart.values(STORE, Sources(), (), grafana=True)["grafana"]["sidecar"]["dashboards"]
    assert (values["label"], values["folderAnnotation"]) == (LABEL, FOLDER_ANNOTATION)
    assert values["provider"]["foldersFromFilesStructure"] is True


def test_they_come_with_the_monitoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(kubeconfig_text(), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    existing = {"kind": "existing"}
    deployed = deploy_config(environment(cluster=existing, monitoring={}, teams=[team(), team("vision")]))
    maps = [found for found in deployed.graph.of_kind("ConfigMap") if LABEL in found.labels]
    folders = {
        found.inputs["metadata"]["annotations"][FOLDER_ANNOTATION]: set(found.inputs["data"])
        for found in maps
        if "team" in found.name
    }
    assert folders == {
        "Team demo": {"ml-platform-team-demo.json"},
        "Team vision": {"ml-platform-team-vision.json"},
    }
    assert {found.inputs["metadata"]["namespace"] for found in maps} == {"monitoring"}
    assert len(maps) == 5
    without = deploy_config(environment(cluster=existing))
    assert not [found for found in without.graph.of_kind("ConfigMap") if LABEL in found.labels]
