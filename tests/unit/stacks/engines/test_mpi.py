"""`kind: mpi`: what becomes of an entry, and that launcher and workers count as what they are everywhere."""

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
    "name": "solver",
    "kind": "mpi",
    "image": "registry.example/mpi:1",
    "workers": 4,
    "slots": 2,
    "resources": {"cpu": "2", "memory": "4Gi", "gpus": 8},
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
    return job.inputs["spec"]["mpiReplicaSpecs"]


def mounts(spec: Any) -> dict[str, bool]:
    """Whether each folder of a role's container is mounted read-only."""
    (container,) = spec["template"]["spec"]["containers"]
    return {one["mountPath"]: one.get("readOnly", False) for one in container["volumeMounts"]}


@pytest.mark.proves("training/mpi", "waits in its team's queue")
def test_an_mpi_job_of_a_launcher_and_workers_waits_in_its_queue(deploy_environment: Deploy) -> None:
    job = deploy_environment(config(checkpoint="models", retries=3, timeout="1h")).graph.one("MPIJob")
    name = job.inputs["metadata"]["name"]
    version = name.removeprefix("solver-")
    assert job.inputs["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    spec = {key: value for key, value in job.inputs["spec"].items() if key != "mpiReplicaSpecs"}
    assert spec == {
        "mpiImplementation": "OpenMPI",
        "slotsPerWorker": 2,
        "sshAuthMountPath": "/etc/mpi-ssh",
        "launcherCreationPolicy": "AtStartup",
        "runPolicy": {
            "cleanPodPolicy": "Running",
            "activeDeadlineSeconds": 3600,
            "backoffLimit": 3,
            "suspend": True,
        },
    }
    assert {role: (spec["replicas"], spec["restartPolicy"]) for role, spec in roles(job).items()} == {
        "Launcher": (1, "Never"),
        "Worker": (4, "OnFailure"),
    }
    for spec in roles(job).values():
        template = spec["template"]
        (container,) = template["spec"]["containers"]
        variables = {one["name"]: one.get("value") for one in container["env"]}
        assert variables["MODEL_DIR"] == f"/models/solver/{version}"
        assert variables["CHECKPOINT_DIR"] == f"/checkpoints/.checkpoints/solver/{version}"
        # Both roles run the image's own program, which the operator tells apart by a variable.
        assert container["args"] == ["train"]
        assert "command" not in container
        assert template["spec"]["automountServiceAccountToken"] is False
        assert violations(template["spec"]) == []


def test_ranks_write_and_the_launcher_only_looks(deploy_environment: Deploy) -> None:
    found = roles(deploy_environment(config(checkpoint="models")).graph.one("MPIJob"))
    assert mounts(found["Worker"]).items() >= {"/data": True, "/models": False, "/checkpoints": False}.items()
    assert mounts(found["Launcher"]).items() >= {"/data": True, "/models": True, "/checkpoints": True}.items()


def test_it_is_followed_to_its_end_after_its_data_and_its_operator(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config()).graph
    (outcome,) = [found for found in graph.registrations if "outcome" in found.name]
    job = graph.one("MPIJob")
    assert job.urn in graph.before(outcome)
    before = graph.before(job)
    assert graph.one("Job").urn in before
    (operator,) = [one for one in graph.of_kind("Deployment") if one.inputs["metadata"]["name"] == "mpi-operator"]
    assert operator.urn in before


def test_launcher_and_workers_reach_each_other_and_nobody_else_reaches_them(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config()).graph
    (policy,) = [one for one in graph.of_kind("NetworkPolicy") if one.inputs["metadata"]["name"] == "solver-gang"]
    selected = policy.inputs["spec"]["podSelector"]["matchLabels"]
    assert selected["app.kubernetes.io/instance"] == "solver-train"
    for spec in roles(graph.one("MPIJob")).values():
        assert selected.items() <= spec["template"]["metadata"]["labels"].items()
    for key, side in (("ingress", "from"), ("egress", "to")):
        assert policy.inputs["spec"][key] == [
            {side: [{"podSelector": {"matchLabels": selected}}], "ports": [{"protocol": "TCP"}]}
        ]


@pytest.mark.proves("training/mpi", "trains again only when its recipe changes")
@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"retries": 9}, True),
        ({"timeout": "2h"}, True),
        ({"rerun": "again"}, False),
        ({"workers": 3}, False),
        ({"slots": 1}, False),
    ],
)
def test_what_trains_again(deploy_environment: Deploy, change: dict[str, Any], same: bool) -> None:
    before, after = (deploy_environment(config(**more)).graph.one("MPIJob") for more in ({}, change))
    assert (before.inputs["metadata"]["name"] == after.inputs["metadata"]["name"]) is same


@pytest.mark.proves("training/mpi", "asks for GPUs")
def test_a_gang_counts_whole(deploy_environment: Deploy) -> None:
    made = Environment.model_validate(config())
    assert made.training_kinds == {"mpi"}
    entry = made.teams[0].training[0]
    assert total(peak(entry, GPU), GPU) == 32
    assert total(peak(entry, "pods"), "pods") == 5
    assert float(total(peak(entry, "cpu"), "cpu")) == 8.5
    # Data is prepared with what a worker has, not with what the launcher has.
    assert entry.preprocess_resources.memory == "4Gi"
    found = roles(deploy_environment(config()).graph.one("MPIJob"))
    limits = {role: spec["template"]["spec"]["containers"][0]["resources"]["limits"] for role, spec in found.items()}
    assert limits["Worker"][GPU] == "8"
    assert limits["Launcher"] == {"cpu": "500m", "memory": "512Mi"}
