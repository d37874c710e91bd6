"""All faults in one go: none is lost, and none is reported that only follows from another."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.checks import check
from stacks.environment.config import Environment
from stacks.language.faults import ConfigError, Fault, render_path


def environment(**changes: Any) -> dict[str, Any]:
    """A sound environment with the keys of `changes` in its team, or in the workload that they name."""
    training = {"name": "digits", "kind": "job", "image": "trainer", "data": "datasets", "model": "models"}
    serving = {"name": "digits", "kind": "deployment", "image": "predictor", "model": "digits"}
    training |= changes.pop("training", {})
    serving |= changes.pop("serving", {})
    storage = changes.pop("storage", {})
    return {
        "cluster": {"kind": changes.pop("cluster", "local")},
        "storage": [
            {"name": "datasets", "kind": "volume", "size": "5Gi", "accessMode": "ReadWriteMany"},
            {"name": "models", "kind": "volume", "size": "5Gi", "accessMode": "ReadWriteMany", **storage},
        ],
        "teams": [{"name": "demo", "training": [training], "serving": [serving], **changes}],
    }


TEAM = ("teams", 0)
TRAINING = (*TEAM, "training", 0)
SERVING = (*TEAM, "serving", 0)


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        # Rules over several keys and entries are checked beside faults of single keys.
        (
            {
                "namespace": "kube-x",
                "quota": {"pods": 1},
                "training": {"data": "unknown"},
                "serving": {"model": "unknown"},
            },
            {(*TEAM, "namespace"), (*TEAM, "quota", "pods"), (*TRAINING, "data"), (*SERVING, "model")},
        ),
        (
            {"training": {"resources": {"cpu": "x", "memory": "y"}}},
            {(*TRAINING, "resources", k) for k in ("cpu", "memory")},
        ),
        ({"serving": {"env": {"A_KEY": "a", "PORT": "1"}}}, {(*SERVING, "env", "A_KEY"), (*SERVING, "env", "PORT")}),
        (
            {"serving": {"autoscaling": {"min": 5, "max": 4}}},
            {(*SERVING, "autoscaling"), (*SERVING, "autoscaling", "min")},
        ),
        # Consequences: the first fault alone says what to correct.
        ({"training": {"name": "Digits"}}, {(*TRAINING, "name")}),
        ({"training": {"modelName": "Letters"}, "serving": {"model": "letters"}}, {(*TRAINING, "modelName")}),
        ({"storage": {"name": "Models"}}, {("storage", 1, "name")}),
        ({"storage": {"size": None}}, {("storage", 1, "size")}),
        ({"storage": {"accessMode": "RWX"}, "cluster": "existing"}, {("storage", 1, "accessMode")}),
        ({"quota": {"cpu": "500m"}, "training": {"resources": {"cpu": "0.1x"}}}, {(*TRAINING, "resources", "cpu")}),
        ({"serving": {"autoscaling": {"max": 4, "cpu": "70"}}}, {(*SERVING, "autoscaling", "cpu")}),
        ({"serving": {"replicas": "3", "disruption": {"minAvailable": 2}}}, {(*SERVING, "replicas")}),
        ({"serving": {"model": "letters", "storage": "models", "version": "1"}}, {(*SERVING, "version")}),
        ({"training": {"tolerations": [{"operator": "exists"}]}}, {(*TRAINING, "tolerations", 0, "operator")}),
        ({"training": {"resources": {"cpu": "1x", "limits": {"cpu": "500m"}}}}, {(*TRAINING, "resources", "cpu")}),
    ],
)
def test_paths_of_the_faults(changes: dict[str, Any], paths: set[Any]):
    result, faults = check(Environment, environment(**changes))
    assert result is None
    assert {fault.path for fault in faults} == paths
    assert len(faults) == len(paths)


@pytest.mark.parametrize(
    "value", [None, [], "text", 5, {}, {"cluster": None}, {"cluster": []}, {"cluster": {"kind": 1}}]
)
def test_what_is_no_environment_at_all(value: Any):
    result, faults = check(Environment, value)
    assert result is None
    assert len(faults) == 1


def test_paths_are_those_of_the_whole_value_when_entries_before_are_bad():
    value = environment()
    value["storage"].insert(0, {"name": "x", "kind": "volume"})
    value["teams"][0]["training"].insert(0, {"kind": "job"})
    value["teams"][0]["training"][1]["data"] = "datasetz"
    value["storage"].append({"name": "models", "kind": "volume", "size": "1Gi"})
    paths = {fault.path for fault in check(Environment, value)[1]}
    assert ("storage", 3, "name") in paths
    assert (*TEAM, "training", 0, "image") in paths
    assert ("storage", 0, "size") in paths


@pytest.mark.parametrize(
    ("cluster", "mode", "serving", "sound"),
    [
        ("local", "ReadWriteOnce", {"replicas": 3}, True),
        ("local", "ReadWriteMany", {}, True),
        ("local", "ReadWriteOncePod", {}, False),
        ("existing", "ReadWriteOnce", {}, False),
        ("existing", "ReadWriteMany", {"replicas": 3}, True),
        ("existing", "ReadWriteOncePod", {}, False),
    ],
)
def test_who_may_share_a_volume(cluster: str, mode: str, serving: dict[str, Any], sound: bool):
    value = environment(cluster=cluster, storage={"accessMode": mode}, serving=serving)
    _, faults = check(Environment, value)
    assert [fault.path for fault in faults] == ([] if sound else [("storage", 1, "accessMode")])


@pytest.mark.parametrize(
    ("quota", "sound"),
    [
        # Training 1 CPU and 1Gi; three replicas of 250m and 512Mi and one more during a rollout.
        ({"cpu": "2", "memory": "3Gi", "pods": 5, "gpus": 0, "storage": "10Gi"}, True),
        ({"cpu": "1999m"}, False),
        ({"memory": "3071Mi"}, False),
        ({"pods": 4}, False),
        ({"storage": "9Gi"}, False),
        ({}, True),
    ],
)
def test_a_quota_holds_all_workloads_at_full_load(quota: dict[str, Any], sound: bool):
    _, faults = check(Environment, environment(quota=quota, serving={"replicas": 3}))
    assert [fault.path for fault in faults] == ([] if sound else [(*TEAM, "quota", *quota)])


def test_a_model_from_elsewhere_needs_its_storage_and_version():
    elsewhere = {"model": "letters", "storage": "models", "version": "v0123456789"}
    assert check(Environment, environment(serving=elsewhere))[1] == []


def test_values_of_variables_are_never_shown():
    hidden = "hunter2-in-the-wrong-place"
    value = environment(serving={"env": {"A_TOKEN": hidden, "B": [hidden], "PORT": hidden}, "secretEnv": {"C": hidden}})
    _, faults = check(Environment, value)
    assert len(faults) == 4
    assert hidden not in str(ConfigError("Pulumi.dev.yaml", value, faults))


def test_an_error_has_one_line_for_each_fault_in_the_order_of_the_file():
    faults = [
        Fault(path=("teams", 0, "name"), message="is bad\nin two lines; correct it", line=9),
        Fault(path=(), message="is odd; look", line=2),
    ]
    error = ConfigError("Pulumi.dev.yaml", {"teams": [{"name": "a"}]}, faults)
    assert str(error).splitlines() == [
        "Pulumi.dev.yaml:2: is odd; look",
        "Pulumi.dev.yaml:9: teams[a].name: is bad in two lines; correct it",
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("teams", 0, "env", "A"), "teams[one].env.A"),
        (("teams", 1, "x"), "teams[1].x"),
        (("teams", 2, "x"), "teams[2].x"),
        (("teams", 9), "teams[9]"),
        (("config", "ml-platform:environment", "teams"), "environment.teams"),
        (("config", "aws:region"), "config.aws:region"),
        (("a b\n", "c"), '"a b\\n".c'),
    ],
)
def test_paths_as_people_write_them(path: tuple[str | int, ...], text: str):
    root = {"teams": [{"name": "one"}, {"name": "two"}, {"name": "two"}]}
    assert render_path(path, root) == text
