"""`kind: pytorch` with `api: pytorchjob`: what becomes of an entry."""

from __future__ import annotations

from typing import Any

import pytest

from components.gpu_resources import GPU
from stacks.environment.config import Environment
from stacks.workloads.pod_sets import peak, total
from tests.unit.pod_security import violations
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import TRAINING, environment, team

GANG: dict[str, Any] = {
    **TRAINING,
    "name": "detector",
    "kind": "pytorch",
    "api": "pytorchjob",
    "image": "registry.example/torch:1",
    "workers": 3,
    "resources": {"cpu": "2", "memory": "4Gi"},
}


def config(queueing: dict[str, Any] | None = None, **gang: Any) -> dict[str, Any]:
    entry = {**GANG, **gang}
    quota = {"cpu": "8", "memory": "16Gi", "gpus": 32, "pods": 5}
    services = {} if queueing is None else {"queueing": queueing}
    pool = {"name": "a100", "count": 4, "gpus": 8, "instanceType": "p4d.24xlarge"}
    cluster = {"kind": "local", "simulatedNodes": [pool]}
    return environment(cluster=cluster, teams=[team(training=[entry], serving=[], quota=quota)], **services)


def replicas(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return spec["pytorchReplicaSpecs"]


def test_a_master_and_workers(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config({}, checkpoint="models", timeout="2h")).graph
    job = graph.one("PyTorchJob")
    assert job.inputs["apiVersion"] == "kubeflow.org/v1"
    assert job.inputs["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    version = job.inputs["metadata"]["name"].removeprefix("detector-")
    spec = job.inputs["spec"]
    assert {role: one["replicas"] for role, one in replicas(spec).items()} == {"Master": 1, "Worker": 2}
    assert spec["nprocPerNode"] == "1"
    # All pods count in the operator's sum of restarts, and all start again in each of two more tries.
    assert spec["runPolicy"] == {
        "activeDeadlineSeconds": 7200,
        "cleanPodPolicy": "Running",
        "backoffLimit": 7,
        "suspend": True,
    }
    for one in replicas(spec).values():
        assert one["restartPolicy"] == "OnFailure"
        pod = one["template"]["spec"]
        (container,) = pod["containers"]
        assert container["name"] == "pytorch"
        assert container["args"] == ["train"]
        variables = {variable["name"]: variable.get("value") for variable in container["env"]}
        assert variables["MODEL_DIR"] == f"/models/detector/{version}"
        assert variables["CHECKPOINT_DIR"] == f"/checkpoints/.checkpoints/detector/{version}"
        assert "restartPolicy" not in pod
        assert pod["automountServiceAccountToken"] is False
        assert violations(pod) == []


@pytest.mark.parametrize(
    ("gang", "expected"),
    [
        ({"workers": 1}, {"Master": 1}),
        ({"workers": 3, "elastic": {"min": 2, "max": 4, "maxRestarts": 5}}, {"Worker": 3}),
    ],
)
def test_who_trains(deploy_environment: Deploy, gang: dict[str, Any], expected: dict[str, int]) -> None:
    spec = deploy_environment(config(**gang)).graph.one("PyTorchJob").inputs["spec"]
    assert {role: one["replicas"] for role, one in replicas(spec).items()} == expected


@pytest.mark.proves("training/pytorchjob", "goes on with fewer workers")
@pytest.mark.parametrize(
    ("elastic", "policy"),
    [
        (
            {"min": 2, "max": 4, "maxRestarts": 5},
            {"rdzvBackend": "c10d", "minReplicas": 2, "maxReplicas": 4, "maxRestarts": 5},
        ),
        ({}, {"rdzvBackend": "c10d", "minReplicas": 1, "maxReplicas": 3, "maxRestarts": 10}),
    ],
)
def test_an_elastic_policy(deploy_environment: Deploy, elastic: dict[str, Any], policy: dict[str, Any]) -> None:
    spec = deploy_environment(config(elastic=elastic)).graph.one("PyTorchJob").inputs["spec"]
    assert spec["elasticPolicy"] == policy


def test_without_a_queue_and_without_retries(deploy_environment: Deploy) -> None:
    spec = deploy_environment(config(retries=0)).graph.one("PyTorchJob").inputs["spec"]
    assert spec["runPolicy"] == {"activeDeadlineSeconds": 86400, "cleanPodPolicy": "Running"}
    assert {one["restartPolicy"] for one in replicas(spec).values()} == {"Never"}


@pytest.mark.proves("training/pytorchjob", "asks for GPUs")
def test_a_gang_counts_whole(deploy_environment: Deploy) -> None:
    asked = config({}, resources={"cpu": "1", "memory": "1Gi", "gpus": 8})
    made = Environment.model_validate(asked)
    assert made.training_kinds == {"pytorchjob"}
    assert total(peak(made.teams[0].training[0], GPU), GPU) == 24
    spec = deploy_environment(asked).graph.one("PyTorchJob").inputs["spec"]
    assert spec["nprocPerNode"] == "8"
    limits = [one["template"]["spec"]["containers"][0]["resources"]["limits"][GPU] for one in replicas(spec).values()]
    assert limits == ["8", "8"]


def test_it_is_followed_to_its_end_after_its_operator_and_its_traffic(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config({})).graph
    (outcome,) = [found for found in graph.registrations if "outcome" in found.name]
    job = graph.one("PyTorchJob")
    assert job.urn in graph.before(outcome)
    before = graph.before(job)
    (operator,) = [one for one in graph.of_kind("Deployment") if one.inputs["metadata"]["name"] == "training-operator"]
    (policy,) = [one for one in graph.of_kind("NetworkPolicy") if one.inputs["metadata"]["name"] == "detector-gang"]
    assert {operator.urn, policy.urn, graph.one("Job").urn} <= before
    for one in replicas(job.inputs["spec"]).values():
        labels = one["template"]["metadata"]["labels"]
        assert policy.inputs["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.proves("training/pytorchjob", "trains again only when its recipe changes")
@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"timeout": "2h"}, True),
        ({"retries": 9}, True),
        ({"rerun": "again"}, False),
        ({"workers": 2}, False),
        ({"api": "trainjob"}, False),
    ],
)
def test_what_trains_again(deploy_environment: Deploy, change: dict[str, Any], same: bool) -> None:
    before = deploy_environment(config()).graph.one("PyTorchJob").inputs["metadata"]["name"]
    changed = deploy_environment(config(**change)).graph
    after = changed.one("TrainJob" if "api" in change else "PyTorchJob").inputs["metadata"]["name"]
    assert (before == after) is same
