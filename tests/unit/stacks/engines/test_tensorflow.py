"""`kind: tensorflow`: what becomes of an entry, and that its pods count as what they are everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from components.gpu_resources import GPU
from stacks.environment.config import Environment
from stacks.workloads.pod_sets import peak, total
from tests.unit.pod_security import violations
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import TRAINING, environment, team

SERVERS = {"chief": 1, "worker": 2, "ps": 1}
MIRRORED = {"worker": 3}
GANG: dict[str, Any] = {
    **TRAINING,
    "name": "ranker",
    "kind": "tensorflow",
    "image": "registry.example/tf:1",
    "replicas": SERVERS,
    "resources": {"cpu": "2", "memory": "4Gi"},
}
QUOTA = {"cpu": "12", "memory": "24Gi", "gpus": 32, "pods": 6}
A100 = {"name": "a100", "count": 4, "gpus": 8, "instanceType": "p4d.24xlarge"}


def config(**gang: Any) -> dict[str, Any]:
    return environment(
        cluster={"kind": "local", "simulatedNodes": [A100]},
        queueing={},
        teams=[team(training=[{**GANG, **gang}], serving=[], quota=QUOTA)],
    )


def roles(job: Any) -> dict[str, Any]:
    return job.inputs["spec"]["tfReplicaSpecs"]


@pytest.mark.proves("training/tensorflow", "waits in its team's queue")
def test_a_tf_job_of_chief_workers_and_servers_waits_in_its_queue(deploy_environment: Deploy) -> None:
    job = deploy_environment(config(checkpoint="models", retries=3, timeout="1h")).graph.one("TFJob")
    name = job.inputs["metadata"]["name"]
    version = name.removeprefix("ranker-")
    assert job.inputs["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    assert job.inputs["spec"]["runPolicy"] == {
        "cleanPodPolicy": "Running",
        "activeDeadlineSeconds": 3600,
        "backoffLimit": 7,
        "suspend": True,
    }
    assert {role: spec["replicas"] for role, spec in roles(job).items()} == {"Chief": 1, "Worker": 2, "PS": 1}
    for spec in roles(job).values():
        template = spec["template"]
        (container,) = template["spec"]["containers"]
        # The operator gives TF_CONFIG to the container of this name.
        assert container["name"] == "tensorflow"
        variables = {one["name"]: one.get("value") for one in container["env"]}
        assert variables["MODEL_DIR"] == f"/models/ranker/{version}"
        assert variables["CHECKPOINT_DIR"] == f"/checkpoints/.checkpoints/ranker/{version}"
        # The operator reads the policy beside the template, and warns of one in it.
        assert spec["restartPolicy"] == "OnFailure"
        assert "restartPolicy" not in template["spec"]
        # Its own deadline is how the operator gets to look at that of the job.
        assert template["spec"]["activeDeadlineSeconds"] == 3600
        assert template["spec"]["automountServiceAccountToken"] is False
        assert violations(template["spec"]) == []


@pytest.mark.parametrize(
    ("replicas", "retries", "limit"), [(SERVERS, 2, 5), (MIRRORED, 2, 7), ({"chief": 1, "worker": 1}, 1, 3)]
)
def test_retries_are_of_the_whole_gang(
    deploy_environment: Deploy, replicas: dict[str, int], retries: int, limit: int
) -> None:
    job = deploy_environment(config(replicas=replicas, retries=retries)).graph.one("TFJob")
    assert job.inputs["spec"]["runPolicy"]["backoffLimit"] == limit


def test_without_retries_the_first_failure_is_the_last(deploy_environment: Deploy) -> None:
    job = deploy_environment(config(retries=0)).graph.one("TFJob")
    assert {spec["restartPolicy"] for spec in roles(job).values()} == {"Never"}
    # The operator would start a container again once before it looked at a limit of 0.
    assert "backoffLimit" not in job.inputs["spec"]["runPolicy"]


def test_it_is_followed_to_its_end_after_its_data_and_its_operator(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config()).graph
    (outcome,) = [found for found in graph.registrations if "outcome" in found.name]
    job = graph.one("TFJob")
    assert job.urn in graph.before(outcome)
    before = graph.before(job)
    assert graph.one("Job").urn in before
    (operator,) = [one for one in graph.of_kind("Deployment") if one.inputs["metadata"]["name"] == "training-operator"]
    assert operator.urn in before


def test_its_pods_reach_each_other_and_nobody_else_reaches_them(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config(replicas={**SERVERS, "evaluator": 1}, checkpoint="models")).graph
    (policy,) = [one for one in graph.of_kind("NetworkPolicy") if one.inputs["metadata"]["name"] == "ranker-gang"]
    selected = policy.inputs["spec"]["podSelector"]["matchLabels"]
    assert selected["app.kubernetes.io/instance"] == "ranker-train"
    assert len(roles(graph.one("TFJob"))) == 4
    for spec in roles(graph.one("TFJob")).values():
        assert selected.items() <= spec["template"]["metadata"]["labels"].items()
    for key, side in (("ingress", "from"), ("egress", "to")):
        assert policy.inputs["spec"][key] == [
            {side: [{"podSelector": {"matchLabels": selected}}], "ports": [{"protocol": "TCP"}]}
        ]


@pytest.mark.proves("training/tensorflow", "trains again only when its recipe changes")
@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"retries": 0}, True),
        ({"timeout": "2h"}, True),
        ({"rerun": "again"}, False),
        ({"replicas": {**SERVERS, "worker": 3}}, False),
        ({"args": ["train", "--epochs", "50"]}, False),
    ],
)
def test_what_trains_again(deploy_environment: Deploy, change: dict[str, Any], same: bool) -> None:
    before, after = (deploy_environment(config(**more)).graph.one("TFJob") for more in ({}, change))
    assert (before.inputs["metadata"]["name"] == after.inputs["metadata"]["name"]) is same


@pytest.mark.proves("training/tensorflow", "asks for GPUs")
@pytest.mark.parametrize(
    ("replicas", "gpus"), [(SERVERS, {"Worker": "8"}), ({"chief": 1, "worker": 2}, {"Chief": "8", "Worker": "8"})]
)
def test_pods_that_compute_gradients_get_gpus(
    deploy_environment: Deploy, replicas: dict[str, int], gpus: dict[str, str]
) -> None:
    resources = {"cpu": "2", "memory": "4Gi", "gpus": 8}
    job = deploy_environment(config(replicas=replicas, resources=resources)).graph.one("TFJob")
    found = {
        role: spec["template"]["spec"]["containers"][0]["resources"]["limits"].get(GPU)
        for role, spec in roles(job).items()
    }
    assert {role: number for role, number in found.items() if number} == gpus


def test_a_gang_counts_whole() -> None:
    made = Environment.model_validate(config(resources={"cpu": "2", "memory": "4Gi", "gpus": 8}))
    assert made.training_kinds == {"tensorflow"}
    entry = made.teams[0].training[0]
    assert total(peak(entry, GPU), GPU) == 16
    assert total(peak(entry, "pods"), "pods") == 4
    assert total(peak(entry, "cpu"), "cpu") == 8
