"""What kube-state-metrics is told of the objects of training engines, and what it may read of them."""

from __future__ import annotations

import pytest

from components.monitoring import access, stack_chart
from components.monitoring.exporters import state_metrics_pod
from components.monitoring.instances import Store
from components.monitoring.training_state import CONDITION, CREATED, state_config
from components.platform.sources import Sources
from components.training.engines import ENGINES, JOB, RAY_JOB, TRAIN_JOB, EngineFacts

STORE = Store(retention=86400, size="1Gi", size_bytes=2**30, storage_class=None, scrape_interval=30, keep=False)
OPERATED = [facts for facts in ENGINES if facts.operator]


@pytest.mark.parametrize("facts", OPERATED, ids=lambda facts: facts.kind)
def test_every_engine_has_the_same_metrics(facts: EngineFacts) -> None:
    (resource,) = state_config([JOB, facts])["spec"]["resources"]
    assert resource["groupVersionKind"] == {"group": facts.group, "version": facts.version, "kind": facts.kind}
    assert {f"{resource['metricNamePrefix']}_{metric['name']}" for metric in resource["metrics"]} == {
        CONDITION,
        CREATED,
    }
    assert set(resource["labelsFromPath"]) == {"namespace", "job_name", "team"}


def test_the_phase_of_an_object_without_conditions_counts_as_one() -> None:
    (resource,) = state_config([RAY_JOB])["spec"]["resources"]
    assert resource["metrics"][0]["each"] == {
        "type": "StateSet",
        "stateSet": {
            "labelName": "condition",
            "path": ["status", "jobDeploymentStatus"],
            "list": ["Complete", "Failed", "ValidationFailed"],
        },
    }


@pytest.mark.parametrize("facts", OPERATED, ids=lambda facts: facts.kind)
def test_it_reads_what_it_tells_of_and_changes_nothing(facts: EngineFacts) -> None:
    rules = access.engine_rules([JOB, facts])
    rights = {(rule["api_groups"][0], rule["resources"][0]) for rule in rules}  # type: ignore[index]
    assert rights == {(facts.group, facts.resource), ("apiextensions.k8s.io", "customresourcedefinitions")}
    assert all(rule["verbs"] == ["list", "watch"] for rule in rules)


def test_without_such_an_engine_nothing_is_added() -> None:
    assert access.engine_rules([JOB]) == []
    (container,) = state_metrics_pod(Sources(), [JOB])["containers"]  # type: ignore[misc]
    assert not [word for word in container["args"] if "custom-resource" in word]  # type: ignore[index]


def test_the_chart_gets_the_same() -> None:
    values = stack_chart.values(STORE, Sources(), [TRAIN_JOB], grafana=False)
    chart = values["kube-state-metrics"]
    assert chart["customResourceState"] == {"enabled": True, "config": state_config([TRAIN_JOB])}
    assert [rule["apiGroups"] for rule in chart["rbac"]["extraRules"]] == [
        ["apiextensions.k8s.io"],
        ["trainer.kubeflow.org"],
    ]
