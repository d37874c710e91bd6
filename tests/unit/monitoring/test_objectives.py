"""Objectives of servers: budgets, bounds, windows."""

from __future__ import annotations

import re

import pytest

from components.monitoring.rules import ALERTS, slo
from components.monitoring.rules.model import Recording
from components.serving.engines import DEPLOYMENT, FACTS, LATENCY_BUCKETS, STATEFUL, TENSORFLOW, ServerFacts
from images.workloads.web.requests import BUCKETS, RequestMetrics
from stacks.workloads.objectives import ServerSlo, Slo, check_latency, check_objective, objectives_of


def recordings(objectives: slo.Objectives, facts: ServerFacts = DEPLOYMENT) -> dict[str, Recording]:
    rules = slo.objective_rules(objectives, facts, namespace="team-vision", service="digits").rules
    return {rule.record: rule for rule in rules if isinstance(rule, Recording)}


def test_the_bounds_are_those_of_the_samples() -> None:
    assert BUCKETS == LATENCY_BUCKETS


@pytest.mark.parametrize(("facts", "prefix"), [(DEPLOYMENT, "predictor"), (STATEFUL, "server")])
def test_the_series_are_those_of_the_samples(facts: ServerFacts, prefix: str) -> None:
    offered = {metric.name for metric in RequestMetrics(prefix).registry.collect()}
    used = set(re.findall(rf"{prefix}_\w+", "".join(rule.expression for rule in recordings(EXAMPLE, facts).values())))
    assert len(used) == 3
    assert {re.sub("_(total|bucket|count)$", "", series) for series in used} <= offered


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_every_kind_records_what_the_alerts_read(kind: str) -> None:
    assert recordings(EXAMPLE, FACTS[kind]).keys() == recordings(EXAMPLE).keys()


EXAMPLE = slo.Objectives(availability=99.9, latency=1.0, latency_target=95)


def test_what_a_server_promises_is_a_series_of_its_own() -> None:
    rules = recordings(EXAMPLE)
    budgets = {name: rule for name, rule in rules.items() if name.endswith(":budget")}
    assert {name: rule.expression for name, rule in budgets.items()} == {
        "slo:request_errors:budget": "vector(0.001)",
        "slo:request_slowness:budget": "vector(0.05)",
    }
    assert all(rule.labels == {"namespace": "team-vision", "service": "digits"} for rule in budgets.values())


def test_every_series_that_an_alert_reads_is_recorded() -> None:
    read = {name for alert in ALERTS for name in re.findall(r"slo:\w+:\w+", alert.expression)}
    assert read == set(recordings(EXAMPLE))


def test_the_bound_is_written_as_prometheus_keeps_it() -> None:
    assert 'le="1.0"' in recordings(EXAMPLE)["slo:request_slowness:ratio_rate5m"].expression
    assert [DEPLOYMENT.bound(seconds) for seconds in (0.0025, 0.25, 10)] == ["0.0025", "0.25", "10.0"]
    # Microseconds, six digits, and the bound below where there is none at the promise.
    assert [TENSORFLOW.bound(seconds) for seconds in (1.8**2 / 1e5, 0.25, 1.0)] == ["32.4", "218591.0", "708235.0"]


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (None, (99.5, 0.25, 99)),
        ({}, (99.5, 0.25, 99)),
        ({"availability": 99}, (99, 0.25, 99)),
        ({"latency": {"threshold": "1s"}}, (99.5, 1.0, 99)),
        ({"latency": {"target": 90}}, (99.5, 0.25, 90)),
    ],
)
def test_a_server_promises_what_the_environment_says_unless_it_says_otherwise(
    server: dict[str, object] | None, expected: tuple[float, float, float]
) -> None:
    own = None if server is None else ServerSlo.model_validate(server)
    found = objectives_of(Slo(), own)
    assert (found.availability, found.latency, found.latency_target) == expected


@pytest.mark.parametrize(("text", "seconds"), [("1ms", 0.001), ("2.5ms", 0.0025), ("250ms", 0.25), ("10s", 10.0)])
def test_latencies(text: str, seconds: float) -> None:
    assert check_latency(text) == seconds


@pytest.mark.parametrize("value", ["", "250", 250, 0.25, "250 ms", "-1s", "1m", "11s", "0.3s", None, True])
def test_what_is_no_latency(value: object) -> None:
    with pytest.raises(ValueError, match=r"; write one of 1ms, 2\.5ms, 5ms"):
        check_latency(value)


@pytest.mark.parametrize("value", [49.9, 100, 99.991, "99", True, None])
def test_what_is_no_objective(value: object) -> None:
    with pytest.raises(ValueError, match=r"; write a number, such as 99\.5"):
        check_objective(value)
