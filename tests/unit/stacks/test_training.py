"""Training entries: what becomes of them, and what a change of the config changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.recorder import Deployed, Registration
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import TRAINING, environment, team, with_training

PREPARE, TRAIN = "demo-training-digits-prepare", "demo-training-digits-train"
SERVER = "demo-serving-digits-deployment"


def name_of(found: Registration) -> str:
    return found.inputs["metadata"]["name"]


def container_of(found: Registration) -> dict[str, Any]:
    (container,) = found.inputs["spec"]["template"]["spec"]["containers"]
    return container


def env_of(found: Registration) -> dict[str, Any]:
    return {variable["name"]: variable.get("value") for variable in container_of(found)["env"]}


def changed(before: Deployed, after: Deployed) -> set[str]:
    """The stable names of resources whose inputs differ; both must have the same resources but for versions."""
    old, new = ({found.stable_name: found for found in run.graph.registrations} for run in (before, after))
    assert set(old) == set(new)
    assert len(old) == len(before.graph.registrations)
    return {name for name in new if new[name].inputs != old[name].inputs}


def test_two_jobs_one_after_the_other(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment()).graph
    prepare, train = graph.one("Job", PREPARE), graph.one("Job", TRAIN)
    assert prepare.urn in train.depends_on
    data_version = name_of(prepare).removeprefix("digits-prepare-")
    version = name_of(train).removeprefix("digits-train-")
    assert env_of(prepare) == {
        "CODE_VERSION": "registry.example/trainer:1",
        "DATA_DIR": f"/data/digits/{data_version}",
    }
    assert env_of(train) == {
        "CODE_VERSION": "registry.example/trainer:1",
        "DATA_DIR": f"/data/digits/{data_version}",
        "MODEL_DIR": f"/models/digits/{version}",
        "MODEL_NAME": "digits",
        "MODEL_VERSION": version,
    }
    assert (container_of(prepare)["args"], container_of(train)["args"]) == (["preprocess"], ["train"])


def test_training_reads_data_and_writes_models(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment()).graph
    mounts = {
        found.stable_name: {
            mount["mountPath"]: mount.get("readOnly", False) for mount in container_of(found)["volumeMounts"][1:]
        }
        for found in graph.of_kind("Job")
    }
    assert mounts == {PREPARE: {"/data": False}, TRAIN: {"/data": True, "/models": False}}


def test_jobs_end_for_good(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_training(retries=5, timeout="2h")).graph
    for job in graph.of_kind("Job"):
        spec = job.inputs["spec"]
        assert spec["template"]["spec"]["restartPolicy"] == "Never"
        assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (5, 7200)
        # Pulumi has to wait longer than the Job may take, or it would report a timeout and not the failure.
        assert int(job.create_timeout.removesuffix("s")) > spec["activeDeadlineSeconds"]
        # A Job that deletes itself would be made again, and train again, after a refresh.
        assert "ttlSecondsAfterFinished" not in spec
        # The API server takes no other value beside a podFailurePolicy.
        assert spec["podReplacementPolicy"] == "Failed"
        assert [rule["action"] for rule in spec["podFailurePolicy"]["rules"]] == ["Ignore", "FailJob"]
        assert job.inputs["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true"


def test_an_unchanged_config_gives_the_same_graph(deploy_afresh: Deploy) -> None:
    assert changed(deploy_afresh(environment()), deploy_afresh(environment())) == set()


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({"image": "registry.example/trainer:2"}, {PREPARE, TRAIN, SERVER}),
        ({"args": ["train", "--epochs", "3"]}, {TRAIN, SERVER}),
        ({"env": {"EPOCHS": "3"}}, {TRAIN, SERVER}),
        ({"rerun": "2026-11-22"}, {TRAIN, SERVER}),
        ({"resources": {"cpu": "1", "gpus": 1}}, {TRAIN, SERVER}),
        ({"preprocess": {"args": ["preprocess", "--seed", "2"]}}, {PREPARE, TRAIN, SERVER}),
        # Of these the Jobs can be told while they live, so nothing is trained again.
        ({"retries": 5}, {PREPARE, TRAIN}),
        ({"timeout": "1h"}, {PREPARE, TRAIN}),
    ],
)
def test_what_a_change_of_the_config_changes(deploy_environment: Deploy, keys: dict[str, Any], names: set[str]) -> None:
    before, after = deploy_environment(environment()), deploy_environment(with_training(**keys))
    assert changed(before, after) == names
    trained_again = SERVER in names
    for job in (PREPARE, TRAIN):
        renamed = name_of(before.graph.one("Job", job)) != name_of(after.graph.one("Job", job))
        assert renamed is (trained_again and job in names)
        # Another Job has another URN too: Pulumi makes it before it deletes the old one, and whoever goes back to
        # the old recipe finds the old Job where it was.
        assert renamed is (before.graph.one("Job", job).urn != after.graph.one("Job", job).urn)
    versions = [env_of(deployed.graph.one("Deployment"))["MODEL_VERSION"] for deployed in (before, after)]
    assert (versions[0] != versions[1]) is trained_again


def test_a_new_label_of_the_team_trains_nothing_again(deploy_environment: Deploy) -> None:
    labelled = environment(teams=[team(labels={"cost-center": "42"})])
    before, after = deploy_environment(environment()), deploy_environment(labelled)
    for job in (PREPARE, TRAIN):
        old, new = before.graph.one("Job", job), after.graph.one("Job", job)
        assert old.inputs["spec"] == new.inputs["spec"]
        assert new.labels["cost-center"] == "42"


def test_data_that_is_ready_needs_no_preparation(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_training(preprocess=False)).graph
    assert env_of(graph.one("Job"))["DATA_DIR"] == "/data"


def test_preparation_may_have_its_own_image_and_never_has_the_gpus(deploy_environment: Deploy) -> None:
    keys = {"resources": {"cpu": "2", "gpus": 4}, "preprocess": {"image": "registry.example/etl:7"}}
    graph = deploy_environment(with_training(**keys)).graph
    prepare, train = graph.one("Job", PREPARE), graph.one("Job", TRAIN)
    assert container_of(prepare)["image"] == env_of(prepare)["CODE_VERSION"] == "registry.example/etl:7"
    assert container_of(train)["resources"]["limits"]["nvidia.com/gpu"] == "4"
    assert "nvidia.com/gpu" not in container_of(prepare)["resources"]["limits"]
    assert "tolerations" not in prepare.inputs["spec"]["template"]["spec"]


@pytest.mark.parametrize(("gpus", "tolerated"), [(0, False), (2, True)])
def test_preparation_follows_a_gpu_training_to_its_nodes(
    deploy_environment: Deploy, gpus: int, tolerated: bool
) -> None:
    keys = {"resources": {"gpus": gpus}, "nodeSelector": {"pool": "a"}}
    pod = deploy_environment(with_training(**keys)).graph.one("Job", PREPARE).inputs["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "a"}
    assert ("nvidia.com/gpu" in [toleration["key"] for toleration in pod.get("tolerations", [])]) is tolerated


def test_a_models_name_may_differ_from_its_entry(deploy_environment: Deploy) -> None:
    config = environment(teams=[team(training=[{**TRAINING, "modelName": "numbers"}], serving=[])])
    deployed = deploy_environment(config)
    model = deployed.result["teams"]["demo"]["training"]["digits"]["model"]
    assert model["name"] == "numbers"
    assert model["path"] == env_of(deployed.graph.one("Job", TRAIN))["MODEL_DIR"]
    assert model["path"].startswith("/models/numbers/v")


def test_the_longest_names_still_fit(deploy_environment: Deploy) -> None:
    longest = "a" * 40
    config = environment(teams=[team(training=[{**TRAINING, "name": longest}], serving=[])])
    assert {len(name_of(job)) for job in deploy_environment(config).graph.of_kind("Job")} == {58, 60}
