"""`kind: pytorch`: what becomes of an entry, and that a gang counts as what it is everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from components.api_names import api_names
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
    "image": "registry.example/torch:1",
    "workers": 4,
    "resources": {"cpu": "2", "memory": "4Gi", "gpus": 8},
}
A100 = {"name": "a100", "count": 4, "gpus": 8, "instanceType": "p4d.24xlarge"}


QUOTA = {"cpu": "8", "memory": "16Gi", "gpus": 32, "pods": 5}


def config(*, pools: tuple[dict[str, Any], ...] = (A100,), **gang: Any) -> dict[str, Any]:
    return environment(
        cluster={"kind": "local", "simulatedNodes": list(pools)},
        queueing={},
        teams=[team(training=[{**GANG, **gang}], serving=[], quota=QUOTA)],
    )


def test_a_runtime_and_a_train_job_of_it(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config(checkpoint="models", retries=5)).graph
    runtime, job = graph.one("TrainingRuntime"), graph.one("TrainJob")
    name = job.inputs["metadata"]["name"]
    version = name.removeprefix("detector-")
    assert runtime.inputs["metadata"]["name"] == name
    assert job.inputs["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    assert job.inputs["spec"] == {
        "runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "TrainingRuntime", "name": name},
        "trainer": {
            "numNodes": 4,
            "numProcPerNode": 8,
            "resourcesPerNode": {
                "requests": {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "8"},
                "limits": {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "8"},
            },
        },
        "activeDeadlineSeconds": 86400,
        "suspend": True,
    }
    assert runtime.inputs["spec"]["mlPolicy"] == {"numNodes": 4, "torch": {}}
    job_set = runtime.inputs["spec"]["template"]["spec"]
    assert job_set["failurePolicy"] == {"maxRestarts": 5}
    (replicated,) = job_set["replicatedJobs"]
    template = replicated["template"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["name"] == replicated["name"] == "node"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "8"
    variables = {one["name"]: one.get("value") for one in container["env"]}
    assert variables["MODEL_DIR"] == f"/models/detector/{version}"
    assert variables["CHECKPOINT_DIR"] == f"/checkpoints/.checkpoints/detector/{version}"
    assert violations(template["spec"]) == []


def test_it_is_followed_to_its_end_after_its_data_and_its_operator(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config()).graph
    (outcome,) = [found for found in graph.registrations if "outcome" in found.name]
    job = graph.one("TrainJob")
    assert job.urn in graph.before(outcome)
    before = graph.before(job)
    assert graph.one("Job").urn in before
    assert {found.urn for found in graph.of_kind("Release") if found.inputs["name"] != "kueue"} <= before


def test_its_pods_reach_each_other_and_nobody_else_reaches_them(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config()).graph
    (policy,) = [one for one in graph.of_kind("NetworkPolicy") if one.inputs["metadata"]["name"] == "detector-gang"]
    spec = policy.inputs["spec"]
    (replicated,) = graph.one("TrainingRuntime").inputs["spec"]["template"]["spec"]["replicatedJobs"]
    labels = replicated["template"]["spec"]["template"]["metadata"]["labels"]
    selected = spec["podSelector"]["matchLabels"]
    assert selected.items() <= labels.items()
    assert selected["app.kubernetes.io/instance"] == "detector-train"
    for key, side in (("ingress", "from"), ("egress", "to")):
        assert spec[key] == [{side: [{"podSelector": {"matchLabels": selected}}], "ports": [{"protocol": "TCP"}]}]


@pytest.mark.proves("training/pytorch", "trains again only when its recipe changes")
@pytest.mark.parametrize(
    ("change", "same"),
    [({"retries": 9}, False), ({"timeout": "2h"}, True), ({"rerun": "again"}, False), ({"workers": 3}, False)],
)
def test_what_trains_again(deploy_environment: Deploy, change: dict[str, Any], same: bool) -> None:
    before, after = (deploy_environment(config(**more)).graph.one("TrainJob") for more in ({}, change))
    assert (before.inputs["metadata"]["name"] == after.inputs["metadata"]["name"]) is same


@pytest.mark.proves("training/pytorch", "asks for GPUs")
def test_a_gang_counts_whole() -> None:
    made = Environment.model_validate(config())
    assert made.training_kinds == {"pytorch"}
    assert total(peak(made.teams[0].training[0], GPU), GPU) == 32


def test_names_of_the_api() -> None:
    assert api_names(
        {"exec_": {"image_pull_policy": "x"}, "node_selector": {"my_label": "y"}, "list": ({"a_b": 1},)}
    ) == {
        "exec": {"imagePullPolicy": "x"},
        "nodeSelector": {"my_label": "y"},
        "list": [{"aB": 1}],
    }
