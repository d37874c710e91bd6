"""The few kinds of panels that the dashboards are made of, and how a dashboard is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

# Whatever Grafana calls its Prometheus: the user of a dashboard may choose another.
DATASOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
# Grafana's choice for the width of `rate`: a few scrapes, more when the whole graph is wider.
RATE = "$__rate_interval"
COLUMNS = 24

Unit = Literal["short", "percentunit", "percent", "bytes", "decmbytes", "s", "reqps", "ops", "watt", "celsius", "none"]


@dataclass(frozen=True)
class Query:
    """One PromQL expression. `legend` names its series, with labels as `{{name}}`."""

    expression: str
    legend: str = "__auto"


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels under a title."""

    title: str
    panels: Sequence[Builder[dashboard.Panel]]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A drop-down of a dashboard: the values of `label` of a series, which may use earlier choices as `$name`."""

    name: str
    series: str
    label: str


def _target(query: Query, reference: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .expr(query.expression)
        .range()
        .legend_format(query.legend)
        .ref_id(reference)
        .datasource(DATASOURCE)
    )


def graph(
    title: str, *queries: Query, explained: str, unit: Unit = "short", stacked: bool = False, width: int = 12
) -> timeseries.Panel:
    """Series over time. `explained` says what they mean; `width` is in 24ths of the page."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(explained)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .height(8)
        .span(width)
        .fill_opacity(30 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM))
        .tooltip(VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    )
    if stacked:
        panel.stacking(StackingConfig().mode(common.StackingMode.NORMAL))
    for index, query in enumerate(queries):
        panel.with_target(_target(query, chr(ord("A") + index)))
    return panel


def number(
    title: str, expression: str, *, explained: str, unit: Unit = "short", bad_from: float | None = None, width: int = 4
) -> stat.Panel:
    """The latest value. It turns red at `bad_from`."""
    steps = [dashboard.Threshold(value=None, color="green" if bad_from is not None else "text")]
    if bad_from is not None:
        steps.append(dashboard.Threshold(value=bad_from, color="red"))
    return (
        stat.Panel()
        .title(title)
        .description(explained)
        .datasource(DATASOURCE)
        .unit(unit)
        .height(4)
        .span(width)
        .graph_mode(common.BigValueGraphMode.AREA)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps))
        .with_target(_target(Query(expression), "A"))
    )


def listing(title: str, expression: str, *, explained: str, unit: Unit = "short", width: int = 12) -> table.Panel:
    """The series of now as rows: a column for each label that the expression keeps, and the value."""
    now = _target(Query(expression, ""), "A").instant().format(PromQueryFormat.TABLE)
    hide_time = dashboard.DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True}})
    return (
        table.Panel()
        .title(title)
        .description(explained)
        .datasource(DATASOURCE)
        .unit(unit)
        .height(8)
        .span(width)
        .with_target(now)
        .with_transformation(hide_time)
    )


def board(uid: str, title: str, rows: Sequence[Row], *, choices: Sequence[Choice] = ()) -> dashboard.Dashboard:
    """A dashboard that is the same for everybody: changes are made here, and not in the browser."""
    made = (
        build.Dashboard(title)
        .uid(uid)
        .tags(["ml-platform"])
        .readonly()
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("1m")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(build.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for choice in choices:
        made.with_variable(
            build.QueryVariable(choice.name)
            .label(choice.name.capitalize())
            .datasource(DATASOURCE)
            .query(f"label_values({choice.series}, {choice.label})")
            .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        )
    for row in rows:
        made.with_row(build.Row(row.title))
        for panel in row.panels:
            made.with_panel(panel)
    return made.build()
