"""Parts of pods: pure functions."""

from __future__ import annotations

from typing import Any, cast

import pytest

from components.gpu_resources import GPU
from components.labels import Owner, object_labels, platform_labels, selector_labels
from components.placement import Placement
from components.pods import (
    Mount,
    Program,
    Resources,
    SecretKey,
    container,
    environment,
    pod_spec,
)

CPU = Resources(requests={"cpu": "1", "memory": "1Gi"}, limits={"cpu": "1", "memory": "1Gi"})
GPUS = Resources(requests={"cpu": "1", GPU: "2"}, limits={"cpu": "1", GPU: "2"})
SECRET_KEY = SecretKey(secret="credentials", key="k")  # noqa: S106
PROGRAM = Program(image="registry.example/app:1", resources=CPU)


def pod(
    program: Program = PROGRAM, placement: Placement | None = None, mounts: tuple[Mount, ...] = ()
) -> dict[str, Any]:
    main = container("main", program, variables={}, mounts=mounts)
    built = pod_spec(
        main,
        service_account="account",
        placement=placement or Placement(),
        mounts=mounts,
        resources=program.resources,
    )
    return cast("dict[str, Any]", built)


def test_variables_are_sorted_and_the_platforms_win() -> None:
    program = Program(
        image="i",
        resources=CPU,
        env={"Z": "own", "PORT": "own", "EMPTY": ""},
        secret_env={"A": SECRET_KEY, "MODEL_NAME": SECRET_KEY},
    )
    assert environment(program, {"PORT": "8080", "MODEL_NAME": "digits"}) == [
        {"name": "A", "value_from": {"secret_key_ref": {"name": "credentials", "key": "k"}}},
        {"name": "EMPTY"},
        {"name": "MODEL_NAME", "value": "digits"},
        {"name": "PORT", "value": "8080"},
        {"name": "Z", "value": "own"},
    ]


def test_the_order_of_the_config_changes_no_pod() -> None:
    one = Program(image="i", resources=CPU, env={"A": "1", "B": "2"})
    other = Program(image="i", resources=CPU, env={"B": "2", "A": "1"})
    assert pod(one) == pod(other)


def test_a_claim_that_is_mounted_twice_is_one_volume() -> None:
    mounts = (
        Mount(claim="shared", path="/data", read_only=True),
        Mount(claim="shared", path="/models", read_only=False),
    )
    built = pod(mounts=mounts)
    volumes = [volume["name"] for volume in built["volumes"]]
    assert volumes == ["tmp", "storage-shared"]
    mounted = {each["mount_path"]: each["name"] for each in built["containers"][0]["volume_mounts"]}
    assert mounted == {"/tmp": "tmp", "/data": "storage-shared", "/models": "storage-shared"}  # noqa: S108


def test_a_storage_may_be_called_tmp() -> None:
    built = pod(mounts=(Mount(claim="tmp", path="/data", read_only=True),))
    names = [volume["name"] for volume in built["volumes"]]
    assert len(set(names)) == len(names) == 2


def test_only_gpu_pods_bear_the_taint_of_gpu_nodes() -> None:
    assert "tolerations" not in pod()
    assert pod(Program(image="i", resources=GPUS))["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


def test_placement() -> None:
    placement = Placement(
        node_selector={"pool": "a"}, tolerations=[{"key": "own", "operator": "Exists"}], priority="high"
    )
    built = pod(Program(image="i", resources=GPUS), placement)
    assert built["node_selector"] == {"pool": "a"}
    assert built["priority_class_name"] == "high"
    assert [toleration["key"] for toleration in built["tolerations"]] == ["own", "nvidia.com/gpu"]


@pytest.mark.parametrize("key", ["command", "args"])
def test_an_images_own_command_is_left_alone(key: str) -> None:
    assert key not in container("main", PROGRAM, variables={})


def test_selectors_use_a_subset_of_labels_that_a_team_cannot_change() -> None:
    owner = Owner(team="vision", labels={"cost-center": "42", "app.kubernetes.io/name": "other"})
    labels = object_labels(owner, name="digits", component="serving")
    assert labels["cost-center"] == "42"
    assert selector_labels(name="digits", component="serving").items() <= labels.items()
    assert labels["ml-platform/team"] == "vision"
    assert platform_labels(owner, name="digits", component="serving").items() <= labels.items()
