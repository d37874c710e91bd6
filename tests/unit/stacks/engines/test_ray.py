"""`kind: ray`: what becomes of an entry, and that a cluster counts with all of its pods."""

from __future__ import annotations

from typing import Any

import pytest

import images
from components.gpu_resources import GPU
from stacks.environment.config import Environment
from stacks.workloads.pod_sets import peak, total
from tests.unit.pod_security import violations
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import TRAINING, environment, team

SWEEP: dict[str, Any] = {
    **TRAINING,
    "name": "sweep",
    "kind": "ray",
    "image": "registry.example/ray:1",
    "command": ["python3", "train.py"],
    "args": ["--note", "two words"],
    "head": {"resources": {"cpu": "1", "memory": "2Gi"}},
    "workers": {"min": 1, "max": 4, "resources": {"cpu": "2", "memory": "4Gi"}},
}


def config(queueing: dict[str, Any] | None = None, **sweep: Any) -> dict[str, Any]:
    quota = {"cpu": "12", "memory": "24Gi", "gpus": 32, "pods": 9}
    services = {} if queueing is None else {"queueing": queueing}
    pool = {"name": "a100", "count": 4, "gpus": 8, "instanceType": "p4d.24xlarge"}
    cluster = {"kind": "local", "simulatedNodes": [pool]}
    entry = {**SWEEP, **sweep}
    return environment(cluster=cluster, teams=[team(training=[entry], serving=[], quota=quota)], **services)


def groups(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The head and the group of workers."""
    cluster = spec["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def sizes(spec: dict[str, Any]) -> list[int]:
    (workers,) = spec["rayClusterSpec"]["workerGroupSpecs"]
    return [workers[key] for key in ("replicas", "minReplicas", "maxReplicas")]


def test_a_job_with_a_cluster_of_its_own(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config({}, checkpoint="models", retries=5, timeout="2h")).graph
    job = graph.one("RayJob")
    name = job.inputs["metadata"]["name"]
    version = name.removeprefix("sweep-")
    assert job.inputs["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    spec = job.inputs["spec"]
    assert {key: value for key, value in spec.items() if key != "rayClusterSpec"} == {
        "entrypoint": "python3 train.py --note 'two words'",
        "submissionMode": "HTTPMode",
        "backoffLimit": 5,
        "activeDeadlineSeconds": 7200,
        "shutdownAfterJobFinishes": True,
        "suspend": True,
    }
    assert spec["rayClusterSpec"]["rayVersion"] == "2.60.0"
    for group in groups(spec):
        template = group["template"]
        (container,) = template["spec"]["containers"]
        # KubeRay puts words that it finds there before its own.
        assert not {"command", "args"} & container.keys()
        assert {"name": "shared-memory", "mountPath": "/dev/shm"} in container["volumeMounts"]  # noqa: S108
        variables = {one["name"]: one.get("value") for one in container["env"]}
        assert variables["MODEL_DIR"] == f"/models/sweep/{version}"
        assert variables["CHECKPOINT_DIR"] == f"/checkpoints/.checkpoints/sweep/{version}"
        assert template["metadata"]["labels"]["ray.io/originated-from-cr-name"] == name
        assert violations(template["spec"]) == []
    head, _workers = groups(spec)
    assert head["rayStartParams"] == {"num-cpus": "0"}


def test_in_a_queue_it_has_all_workers_from_the_start(deploy_environment: Deploy) -> None:
    """Kueue refuses a RayJob that autoscales: what was admitted is what it gets."""
    spec = deploy_environment(config({})).graph.one("RayJob").inputs["spec"]
    assert sizes(spec) == [4, 4, 4]
    assert "enableInTreeAutoscaling" not in spec["rayClusterSpec"]


@pytest.mark.proves("training/ray", "workers come and go with the load")
def test_without_a_queue_workers_come_and_go(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config()).graph
    spec = graph.one("RayJob").inputs["spec"]
    assert sizes(spec) == [1, 1, 4]
    assert "suspend" not in spec
    cluster = spec["rayClusterSpec"]
    assert cluster["enableInTreeAutoscaling"] is True
    (head, workers) = groups(spec)
    # Only the autoscaler's container can ask the API server for anything.
    token = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105
    assert token in {mount["mountPath"] for mount in cluster["autoscalerOptions"]["volumeMounts"]}
    for group in (head, workers):
        pod = group["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert token not in {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    sidecar = {"name": "autoscaler", **cluster["autoscalerOptions"]}
    assert violations({**head["template"]["spec"], "containers": [sidecar]}) == []
    policies = {one.inputs["metadata"]["name"]: one.inputs["spec"] for one in graph.of_kind("NetworkPolicy")}
    api = policies["sweep-gang-api"]
    assert api["podSelector"]["matchLabels"]["ray.io/node-type"] == "head"
    assert api["policyTypes"] == ["Egress"]


@pytest.mark.parametrize("workers", [{"min": 3, "max": 3}, {"max": 1}])
def test_a_fixed_number_needs_no_autoscaler(deploy_environment: Deploy, workers: dict[str, int]) -> None:
    graph = deploy_environment(config(workers=workers)).graph
    spec = graph.one("RayJob").inputs["spec"]
    assert sizes(spec) == [workers["max"]] * 3
    assert "enableInTreeAutoscaling" not in spec["rayClusterSpec"]
    assert "sweep-gang-api" not in {one.inputs["metadata"]["name"] for one in graph.of_kind("NetworkPolicy")}


def test_nobody_but_the_operator_comes_in(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config({})).graph
    (policy,) = [one for one in graph.of_kind("NetworkPolicy") if one.inputs["metadata"]["name"] == "sweep-gang"]
    spec = policy.inputs["spec"]
    selected = spec["podSelector"]["matchLabels"]
    for group in groups(graph.one("RayJob").inputs["spec"]):
        assert selected.items() <= group["template"]["metadata"]["labels"].items()
    own, operator = spec["ingress"]
    assert own == {"from": [{"podSelector": {"matchLabels": selected}}], "ports": [{"protocol": "TCP"}]}
    assert operator["ports"] == [{"protocol": "TCP", "port": 8265}]
    (peer,) = operator["from"]
    (deployment,) = [one for one in graph.of_kind("Deployment") if one.inputs["metadata"]["name"] == "kuberay-operator"]
    labels = deployment.inputs["spec"]["template"]["metadata"]["labels"]
    assert peer["podSelector"]["matchLabels"].items() <= labels.items()
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kuberay-system"}
    assert spec["egress"] == [{"to": own["from"], "ports": own["ports"]}]


@pytest.mark.proves("training/ray", "asks for GPUs")
def test_a_cluster_counts_whole() -> None:
    workers = {"min": 1, "max": 4, "resources": {"cpu": "2", "memory": "4Gi", "gpus": 8}}
    made = Environment.model_validate(config({}, workers=workers))
    entry = made.teams[0].training[0]
    assert made.training_kinds == {"ray"}
    assert total(peak(entry, GPU), GPU) == 32
    assert total(peak(entry, "cpu"), "cpu") == 1 + 4 * 2
    assert total(peak(entry, "pods"), "pods") == 5


def test_a_sample_image_runs_its_own_program(deploy_environment: Deploy) -> None:
    asked = config(image="ray-trainer", command=[], args=["train"])
    entrypoint = deploy_environment(asked).graph.one("RayJob").inputs["spec"]["entrypoint"]
    assert entrypoint == "python3 -m workloads.ray_trainer train"
    assert images.entry_point("trainer") == ("python3", "-m", "workloads.trainer")


@pytest.mark.proves("training/ray", "trains again only when its recipe changes")
@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"timeout": "2h"}, True),
        ({"retries": 9}, True),
        ({"rerun": "again"}, False),
        ({"args": ["--note", "three"]}, False),
        ({"workers": {"min": 1, "max": 3}}, False),
    ],
)
def test_what_trains_again(deploy_environment: Deploy, change: dict[str, Any], same: bool) -> None:
    before, after = (deploy_environment(config({}, **more)).graph.one("RayJob") for more in ({}, change))
    assert (before.inputs["metadata"]["name"] == after.inputs["metadata"]["name"]) is same
