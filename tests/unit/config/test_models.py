"""What the models work out from what a stack file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stacks.check import read_environment
from stacks.clouds.config import ExistingCluster, LocalCluster
from stacks.environment.config import Environment
from stacks.serving.engines.deployment import DeploymentServing
from stacks.serving.parts import ServingResources, share_of
from stacks.workloads.config import ResourcesConfig
from tests.sound import sound

VALID = Path(__file__).parent / "valid"
HOME = Path("/home/someone")


@pytest.fixture(scope="module")
def issue() -> Environment:
    return read_environment(VALID / "issue.yaml")


@pytest.fixture(scope="module")
def full() -> Environment:
    return read_environment(VALID / "full.yaml")


def test_the_small_file_means_what_the_documentation_says(issue: Environment):
    (team,) = issue.teams
    (training,) = team.training
    (serving,) = team.serving
    assert isinstance(serving, DeploymentServing)
    assert issue.protects_data is False
    assert issue.images.registry == "localhost/ml-platform"
    assert (team.namespace_name, team.quota) == ("demo", None)
    assert (training.trained_model, training.args, training.retries, training.timeout) == (
        "digits",
        ("train",),
        2,
        86400,
    )
    assert training.preprocess is not None
    assert training.preprocess.args == ("preprocess",)
    assert (serving.least_replicas, serving.most_replicas, serving.port) == (1, 4, 8080)
    assert team.trainer_of("digits") is training
    assert team.model_storage(serving) == "models"
    assert team.storage_names() == ("datasets", "models")
    assert issue.storage_named("models").size == "5Gi"


def test_the_full_file_is_kept_as_it_is(full: Environment):
    (team, other) = full.teams
    resnet, probe = team.training
    classifier, archived = team.serving
    assert isinstance(classifier, DeploymentServing)
    assert isinstance(archived, DeploymentServing)
    assert full.protects_data is False
    assert (team.namespace_name, other.namespace_name) == ("team-vision", "default-team")
    assert (resnet.trained_model, resnet.timeout, resnet.rerun) == ("classifier", 216000, "2026-01-31")
    assert probe.preprocess is None
    assert team.storage_names() == ("datasets", "models", "scratch")
    assert classifier.version == "v0123456789"
    assert team.model_storage(archived) == "models"
    assert (archived.least_replicas, archived.most_replicas) == (2, 2)


@pytest.mark.parametrize(
    ("kind", "protect", "expected"),
    [("local", None, False), ("existing", None, True), ("local", True, True), ("existing", False, False)],
)
def test_data_is_protected_unless_the_cluster_is_local(kind: str, protect: bool | None, expected: bool):
    value: dict[str, Any] = {"cluster": {"kind": kind}}
    if protect is not None:
        value["protectData"] = protect
    assert sound(Environment, value).protects_data is expected


def test_the_models_do_not_change(issue: Environment):
    with pytest.raises(ValueError, match="frozen"):
        issue.protect_data = True  # pyright: ignore[reportAttributeAccessIssue]


RESOURCES: list[tuple[Any, dict[str, Any], dict[str, str], dict[str, str]]] = [
    (ResourcesConfig, {}, {"cpu": "1", "memory": "1Gi"}, {"cpu": "1", "memory": "1Gi"}),
    (ServingResources, {}, {"cpu": "250m", "memory": "512Mi"}, {"cpu": "1", "memory": "512Mi"}),
    (ServingResources, {"cpu": 2}, {"cpu": "2", "memory": "512Mi"}, {"cpu": "2", "memory": "512Mi"}),
    (
        ServingResources,
        {"limits": {"cpu": "300m", "memory": "1Gi"}},
        {"cpu": "250m", "memory": "512Mi"},
        {"cpu": "300m", "memory": "1Gi"},
    ),
    (
        ResourcesConfig,
        {"gpus": 8},
        {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "8"},
        {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "8"},
    ),
]


@pytest.mark.parametrize(("model", "value", "requests", "limits"), RESOURCES)
def test_resources_of_a_container(model: Any, value: Any, requests: dict[str, str], limits: dict[str, str]):
    assert model.model_validate(value).kubernetes() == {"requests": requests, "limits": limits}


def test_preparing_data_asks_for_no_gpus(full: Environment):
    resnet, _ = full.teams[0].training
    plain = resnet.model_copy(update={"preprocess": None})
    assert resnet.preprocess_resources.kubernetes()["requests"] == {"cpu": "8", "memory": "32Gi"}
    assert plain.preprocess_resources.kubernetes()["requests"] == {"cpu": "16", "memory": "128Gi"}


@pytest.mark.parametrize(("amount", "replicas", "pods"), [(2, 5, 2), ("50%", 5, 3), ("1%", 5, 1), ("0%", 5, 0)])
def test_a_share_of_replicas_is_rounded_up(amount: int | str, replicas: int, pods: int):
    assert share_of(amount, replicas) == pods


LOCAL, EXISTING = LocalCluster(kind="local"), ExistingCluster(kind="existing")


@pytest.mark.parametrize(
    ("cluster", "environ", "path"),
    [
        (LOCAL, {}, "/home/someone/.kube/config"),
        (LOCAL, {"KUBECONFIG": ""}, "/home/someone/.kube/config"),
        (LOCAL, {"KUBECONFIG": "/a"}, "/a"),
        (LOCAL, {"KUBECONFIG": "/a:/b"}, "/a"),
        (LOCAL, {"KUBECONFIG": "/a", "ML_PLATFORM_KUBECONFIG": "/embedded"}, "/embedded"),
        (LOCAL.model_copy(update={"kubeconfig": "~/own"}), {"KUBECONFIG": "/a"}, "/home/someone/own"),
        (EXISTING, {"KUBECONFIG": "/a", "ML_PLATFORM_KUBECONFIG": "/embedded"}, "/a"),
        (EXISTING, {"ML_PLATFORM_KUBECONFIG": "/embedded"}, "/home/someone/.kube/config"),
        (EXISTING.model_copy(update={"kubeconfig": "own"}), {}, "own"),
    ],
)
def test_where_the_kubeconfig_is(cluster: LocalCluster | ExistingCluster, environ: dict[str, str], path: str):
    assert cluster.kubeconfig_path(environ, HOME) == Path(path)


def test_an_environment_is_read_from_a_file_of_one(tmp_path: Path):
    assert read_environment(VALID / "minimal.yaml").teams == ()
