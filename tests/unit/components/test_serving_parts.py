"""Autoscaling, disruption budgets and rollouts: pure functions."""

from __future__ import annotations

from typing import Any, cast

import pytest

from components.platform.disruption import Disruption, disruption_budget_spec
from components.serving.autoscaling import Autoscaling, autoscaler_spec
from components.serving.rollout import Rollout, deployment_strategy, rollout_timeout_seconds


@pytest.mark.parametrize(
    ("cpu", "memory", "targets"),
    [(70, None, {"cpu": 70}), (None, 80, {"memory": 80}), (70, 80, {"cpu": 70, "memory": 80})],
)
def test_an_autoscaler_aims_at_what_is_given(cpu: int | None, memory: int | None, targets: dict[str, int]) -> None:
    wanted = Autoscaling(min_replicas=2, max_replicas=5, cpu=cpu, memory=memory, scale_down_after=60)
    spec = cast("dict[str, Any]", autoscaler_spec(wanted, "digits"))
    found = {
        metric["resource"]["name"]: metric["resource"]["target"]["average_utilization"] for metric in spec["metrics"]
    }
    assert found == targets
    assert (spec["min_replicas"], spec["max_replicas"]) == (2, 5)
    assert spec["behavior"]["scale_down"]["stabilization_window_seconds"] == 60
    assert spec["behavior"]["scale_up"]["stabilization_window_seconds"] == 0
    assert spec["scale_target_ref"] == {"api_version": "apps/v1", "kind": "Deployment", "name": "digits"}


@pytest.mark.parametrize(
    ("disruption", "key", "amount"),
    [
        (Disruption(), "max_unavailable", 1),
        (Disruption(max_unavailable="25%"), "max_unavailable", "25%"),
        (Disruption(min_available=2), "min_available", 2),
    ],
)
def test_a_budget_has_exactly_one_amount(disruption: Disruption, key: str, amount: int | str) -> None:
    assert disruption_budget_spec(disruption, selector={"app": "digits"}) == {
        "selector": {"match_labels": {"app": "digits"}},
        "unhealthy_pod_eviction_policy": "AlwaysAllow",
        key: amount,
    }


def test_no_replica_goes_before_its_successor_is_ready() -> None:
    assert deployment_strategy(Rollout()) == {
        "type": "RollingUpdate",
        "rolling_update": {"max_surge": 1, "max_unavailable": 0},
    }


@pytest.mark.parametrize(
    ("rollout", "replicas", "first", "seconds"),
    [
        (Rollout(), 1, 420, 600),
        (Rollout(), 4, 420, 600),
        (Rollout(), 10, 420, 960),
        (Rollout(max_surge=2, max_unavailable=3), 10, 900, 960),
        (Rollout(), 1, 7200, 7200),
    ],
)
def test_how_long_a_rollout_may_take(rollout: Rollout, replicas: int, first: int, seconds: int) -> None:
    assert rollout_timeout_seconds(rollout, replicas=replicas, first=first) == seconds
