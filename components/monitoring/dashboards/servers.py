"""The dashboard of one server, chosen by its team's namespace and its name, whatever its kind.

What requests are called differs by kind (`components.serving.engines`): a query asks for all of the names, of which a
server has one. What only a predictor says of itself is empty for the others.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from components.monitoring.dashboards.panels import RATE, Choice, Query, Row, board, graph, listing, number
from components.monitoring.rules import slo
from components.serving.engines import FACTS, ServerFacts

HERE = 'namespace="$namespace", service="$server"'
# The workload, its autoscaler and its pods have the name of the entry, as its Service has.
DEPLOYMENT = 'namespace="$namespace", deployment="$server"'
STATEFUL_SET = 'namespace="$namespace", statefulset="$server"'
SCALER = 'namespace="$namespace", horizontalpodautoscaler="$server"'
CONTAINER = 'namespace="$namespace", pod=~"$server-([0-9a-f]+-[0-9a-z]+|[0-9]+)", container="server"'
# Every server promises something: so all of them are in this series.
SERVERS = slo.budget_name(slo.ERRORS)


def _rate(series: str, matchers: str, window: str = RATE) -> str:
    return f"rate({series}{{{matchers}}}[{window}])"


def _requests(aggregate: str) -> str:
    """What clients ask for, and not probes or scrapes, of whichever kind the server is."""
    return " or ".join(
        f"{aggregate}({_rate(facts.requests, ', '.join((HERE, facts.asked)))})" for facts in FACTS.values()
    )


def _failed() -> str:
    return " or ".join(
        f"sum({_rate(facts.requests, ', '.join((HERE, facts.asked, facts.failed)))})" for facts in FACTS.values()
    )


def _share_of_limit(used: str, resource: str) -> str:
    limit = f'kube_pod_container_resource_limits{{{CONTAINER}, resource="{resource}"}}'
    return f"sum by (pod) ({used}) / sum by (pod) ({limit})"


def _within(quantile: float) -> Query:
    """Seconds within which a share of the requests is answered."""

    def of_kind(facts: ServerFacts) -> str:
        buckets = _rate(f"{facts.latency}_bucket", f"{HERE}, {facts.asked}")
        return f"histogram_quantile({quantile:g}, sum by (le) ({buckets})) / {facts.unit:g}"

    return Query(" or ".join(map(of_kind, FACTS.values())), f"{quantile * 100:g} % within")


def servers_board() -> dashboard.Dashboard:
    """Requests, promises, replicas and resources of a model server."""
    every, failed = _requests("sum"), _failed()
    return board(
        "ml-platform-servers",
        "Model servers",
        [
            Row(
                title="Now",
                panels=[
                    number("Requests", every, explained="Predictions that clients ask for.", unit="reqps"),
                    number(
                        "Errors",
                        f"(({failed}) or vector(0)) / (({every}) > 0)",
                        explained="Share of the predictions that failed on the server's side.",
                        unit="percentunit",
                        bad_from=0.01,
                    ),
                    number(
                        "99 % within",
                        _within(0.99).expression,
                        explained="Read off a histogram: true to its bounds.",
                        unit="s",
                    ),
                    number("In flight", f"sum(predictor_requests_in_flight{{{HERE}}})", explained="Being answered."),
                    number("Ready", f"sum(predictor_ready{{{HERE}}})", explained="Replicas that serve."),
                    number(
                        "Samples",
                        f"sum({_rate('predictor_samples_total', HERE)})",
                        explained="Samples predicted in a second; a request may hold many.",
                        unit="ops",
                    ),
                ],
            ),
            Row(
                title="Requests",
                panels=[
                    graph(
                        "By status",
                        Query(_requests("sum by (status) "), "{{status}}"),
                        explained="What clients ask for: no probes and scrapes.",
                        unit="reqps",
                        stacked=True,
                    ),
                    graph(
                        "Latency",
                        _within(0.5),
                        _within(0.95),
                        _within(0.99),
                        explained="Of predictions, from the start of the handling to the answer, without the time "
                        "that a request waited for it.",
                        unit="s",
                    ),
                    graph(
                        "By route",
                        Query(f"sum by (route) ({_rate('predictor_requests_total', HERE)})", "{{route}}"),
                        explained="With probes and scrapes.",
                        unit="reqps",
                    ),
                    graph(
                        "By replica",
                        Query(_requests("sum by (pod) "), "{{pod}}"),
                        explained="Uneven where clients keep few connections open.",
                        unit="reqps",
                    ),
                ],
            ),
            Row(
                title="Promises",
                panels=[
                    graph(
                        "Error budget",
                        *_burn(slo.ERRORS),
                        explained="How many times too fast the budget burns: 1 uses it up exactly within its month.",
                    ),
                    graph(
                        "Latency budget",
                        *_burn(slo.SLOWNESS),
                        explained="The same for requests that were answered late.",
                    ),
                ],
            ),
            Row(
                title="Replicas",
                panels=[
                    graph(
                        "Replicas",
                        Query(
                            f"sum(kube_deployment_spec_replicas{{{DEPLOYMENT}}})"
                            f" or sum(kube_statefulset_replicas{{{STATEFUL_SET}}})",
                            "wanted",
                        ),
                        Query(
                            f"sum(kube_deployment_status_replicas_available{{{DEPLOYMENT}}})"
                            f" or sum(kube_statefulset_status_replicas_available{{{STATEFUL_SET}}})",
                            "available",
                        ),
                        Query(f"sum(kube_horizontalpodautoscaler_spec_max_replicas{{{SCALER}}})", "at most"),
                        explained="Wanted by the autoscaler, or by the stack where there is none.",
                        width=8,
                    ),
                    graph(
                        "Restarts",
                        Query(
                            f"sum by (pod) (increase(kube_pod_container_status_restarts_total{{{CONTAINER}}}[1h]))",
                            "{{pod}}",
                        ),
                        explained="Within an hour.",
                        width=8,
                    ),
                    listing(
                        "Model",
                        f"count by (name, version, framework) (predictor_model_info{{{HERE}}})",
                        explained="Replicas with each version. Two versions: a rollout is under way.",
                        width=8,
                    ),
                ],
            ),
            Row(
                title="Resources",
                panels=[
                    graph(
                        "CPU",
                        Query(_share_of_limit(_rate("container_cpu_usage_seconds_total", CONTAINER), "cpu"), "{{pod}}"),
                        explained="Share of the limit.",
                        unit="percentunit",
                        width=8,
                    ),
                    graph(
                        "Memory",
                        Query(
                            _share_of_limit(f"container_memory_working_set_bytes{{{CONTAINER}}}", "memory"), "{{pod}}"
                        ),
                        explained="Share of the limit; at 1 the replica is killed.",
                        unit="percentunit",
                        width=8,
                    ),
                    graph(
                        "Time to load the model",
                        Query(f"max by (pod) (predictor_model_load_seconds{{{HERE}}})", "{{pod}}"),
                        explained="To read, check and warm it up: what a new replica costs.",
                        unit="s",
                        width=8,
                    ),
                ],
            ),
        ],
        choices=[
            Choice(name="namespace", series=SERVERS, label="namespace"),
            Choice(name="server", series=f'{SERVERS}{{namespace="$namespace"}}', label="service"),
        ],
    )


def _burn(objective: str) -> list[Query]:
    """How fast a budget burns over each window that the alerts look at."""
    budget = f"max({slo.budget_name(objective)}{{{HERE}}})"
    return [
        Query(f"max({slo.ratio_name(objective, window)}{{{HERE}}}) / {budget}", f"over {window}")
        for window in slo.WINDOWS
    ]
