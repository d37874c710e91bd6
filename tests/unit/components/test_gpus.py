"""How GPUs are shared and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from components.aws.compute.instance_types import known
from components.gpu.claims import claim_spec, driver_values
from components.gpu.device_plugin import plugin_config, plugin_container, plugin_groups
from components.gpu.operator import GpuOperatorArgs, mig_config, operator_values
from components.gpu_resources import (
    Exclusive,
    Mig,
    Sharing,
    TimeSlicing,
    is_gpu_resource,
    is_mig_profile,
    mig_overflow,
    mig_profiles,
    mig_resource,
    node_resources,
)
from components.platform.connection import Connection
from components.platform.sources import Sources

CONNECTION = Connection(kubeconfig="kubeconfig")
SLICED = TimeSlicing(replicas=4)
PARTS = Mig(strategy="mixed", profiles={"1g.5gb": 3, "4g.20gb": 1})


@pytest.mark.parametrize(
    ("sharing", "offered"),
    [
        (Exclusive(), {"nvidia.com/gpu": 8}),
        (SLICED, {"nvidia.com/gpu.shared": 32}),
        (TimeSlicing(replicas=2, rename=False), {"nvidia.com/gpu": 16}),
        (PARTS, {"nvidia.com/mig-1g.5gb": 24, "nvidia.com/mig-4g.20gb": 8}),
        (Mig(strategy="single", profiles={"2g.10gb": 3}), {"nvidia.com/gpu": 24}),
        (Mig(strategy="mixed", profiles={"1g.10gb+me": 1}), {"nvidia.com/mig-1g.10gb.me": 8}),
    ],
)
def test_what_a_node_of_eight_gpus_offers(sharing: Sharing, offered: Mapping[str, int]) -> None:
    assert node_resources(8, sharing) == offered
    assert all(map(is_gpu_resource, offered))


@pytest.mark.parametrize("name", ["cpu", "memory", "vpc.amazonaws.com/efa", "nvidia.com/gpu.present"])
def test_what_is_no_gpu(name: str) -> None:
    assert not is_gpu_resource(name)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("1g.5gb", True),
        ("7g.141gb", True),
        ("1g.10gb+me", True),
        ("8g.5gb", False),
        ("1g.5GB", False),
        ("1g5gb", False),
        ("1g.5gb.me", False),
        ("", False),
    ],
)
def test_the_form_of_a_profile(text: str, good: bool) -> None:
    assert is_mig_profile(text) is good


@pytest.mark.parametrize(
    ("product", "has", "lacks"),
    [
        ("NVIDIA-A100-SXM4-40GB", "1g.5gb", "1g.12gb"),
        ("NVIDIA-A100-SXM4-80GB", "1g.10gb", "1g.5gb"),
        ("p4d.24xlarge A100", "3g.20gb", "3g.40gb"),
        ("p4de.24xlarge A100", "3g.40gb", "3g.20gb"),
        ("NVIDIA-H100-80GB-HBM3", "7g.80gb", "7g.141gb"),
        ("NVIDIA-H200", "7g.141gb", "7g.80gb"),
        ("NVIDIA-A30", "4g.24gb", "7g.40gb"),
        ("p6-b200.48xlarge B200", "1g.23gb", "1g.5gb"),
    ],
)
def test_the_profiles_of_a_product(product: str, has: str, lacks: str) -> None:
    profiles = mig_profiles(product)
    assert profiles is not None
    assert has in profiles
    assert lacks not in profiles


def test_products_without_partitions_and_products_that_nobody_knows() -> None:
    for product in ("NVIDIA-A10G", "NVIDIA-L4", "NVIDIA-L40S", "Tesla-T4", "Tesla-V100-SXM2-16GB"):
        assert mig_profiles(product) == {}, product
    assert mig_profiles("NVIDIA-X1000") is None
    assert mig_profiles("") is None


def test_every_gpu_that_aws_has_is_known() -> None:
    for one in known().values():
        if one.gpus:
            assert mig_profiles(f"{one.name} {one.gpu_model}") is not None, one.name


def test_a_gpu_full_of_one_profile_is_possible() -> None:
    for product in ("A100", "p4de. A100", "H100", "H200", "B200", "A30"):
        for profile, most in (mig_profiles(product) or {}).items():
            assert mig_overflow({profile: most}, product) is None, (product, profile)
            assert mig_overflow({profile: most + 1}, product) is not None, (product, profile)


@pytest.mark.parametrize(
    ("profiles", "product", "problem"),
    [
        ({"1g.5gb": 7}, "A100", None),
        ({"3g.20gb": 1, "2g.10gb": 1, "1g.5gb": 2}, "A100", None),
        ({"4g.20gb": 1, "3g.20gb": 1}, "A100", None),
        ({"3g.71gb": 2}, "H200", None),
        ({"3g.20gb": 2, "1g.5gb": 1}, "A100", "they take 45 GB, and a GPU has 40"),
        ({"4g.20gb": 2}, "A100", "2 x 4g.20gb, and at most 1 fit on a GPU"),
        ({"1g.5gb": 5, "3g.20gb": 1}, "A100", "they take 8 slices of compute, and a GPU has 7"),
        ({"2g.12gb": 1, "1g.6gb": 3}, "A30", "they take 5 slices of compute, and a GPU has 4"),
        ({"1g.99gb": 7}, "", None),
        ({"1g.99gb": 8}, "", "they take 8 slices of compute, and a GPU has 7"),
    ],
)
def test_what_fits_on_a_gpu(profiles: dict[str, int], product: str, problem: str | None) -> None:
    assert mig_overflow(profiles, product) == problem


def test_names_of_partitions() -> None:
    assert mig_resource("1g.5gb") == "nvidia.com/mig-1g.5gb"
    assert mig_resource("1g.5gb+me") == "nvidia.com/mig-1g.5gb.me"


# --- the device plugin ------------------------------------------------------------------------------------------


def test_each_node_has_exactly_one_plugin() -> None:
    groups = plugin_groups(Exclusive(), {"sliced": SLICED, "parts": PARTS})
    assert [(group.name, group.sharing) for group in groups] == [
        ("nvidia-device-plugin", Exclusive()),
        ("nvidia-device-plugin-parts", PARTS),
        ("nvidia-device-plugin-sliced", SLICED),
    ]
    assert [group.requirements for group in groups] == [
        [{"key": "ml-platform/node-pool", "operator": "NotIn", "values": ["parts", "sliced"]}],
        [{"key": "ml-platform/node-pool", "operator": "In", "values": ["parts"]}],
        [{"key": "ml-platform/node-pool", "operator": "In", "values": ["sliced"]}],
    ]
    assert plugin_groups(Exclusive(), {})[0].requirements == []


@pytest.mark.parametrize(
    ("sharing", "config"),
    [
        (Exclusive(), {"version": "v1", "flags": {"migStrategy": "none"}}),
        (PARTS, {"version": "v1", "flags": {"migStrategy": "mixed"}}),
        (
            SLICED,
            {
                "version": "v1",
                "flags": {"migStrategy": "none"},
                "sharing": {
                    "timeSlicing": {
                        "renameByDefault": True,
                        "failRequestsGreaterThanOne": True,
                        "resources": [{"name": "nvidia.com/gpu", "replicas": 4}],
                    }
                },
            },
        ),
    ],
)
def test_the_config_of_the_plugin(sharing: Sharing, config: dict[str, Any]) -> None:
    assert plugin_config(sharing) == config


def test_only_partitions_need_a_capability() -> None:
    for sharing in (Exclusive(), SLICED):
        context: Any = plugin_container("i:1", sharing)["security_context"]  # type: ignore[reportTypedDictNotRequiredAccess]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["allow_privilege_escalation"] is False
    context = plugin_container("i:1", PARTS)["security_context"]  # type: ignore[reportTypedDictNotRequiredAccess]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["SYS_ADMIN"]}
    assert "privileged" not in context


# --- NVIDIA's operator ------------------------------------------------------------------------------------------


def test_the_mig_managers_config_has_an_entry_for_each_setting() -> None:
    assert mig_config({"parts": PARTS, "sliced": SLICED}) == {
        "version": "v1",
        "mig-configs": {
            "all-disabled": [{"devices": "all", "mig-enabled": False}],
            "parts": [{"devices": "all", "mig-enabled": True, "mig-devices": {"1g.5gb": 3, "4g.20gb": 1}}],
        },
    }


@pytest.mark.proves("gpu", "the GPU Operator, for nodes with a driver and for MIG")
def test_values_of_the_operator_for_nodes_that_have_the_driver() -> None:
    values = operator_values(
        GpuOperatorArgs(sources=Sources(images="mirror.example/x"), connection=CONNECTION, sharing=SLICED)
    )
    assert values["driver"] == values["toolkit"] == {"enabled": False}
    assert values["migManager"]["enabled"] is False
    assert values["devicePlugin"]["repository"] == "mirror.example/x/nvcr.io/nvidia"
    assert values["devicePlugin"]["enabled"] is True
    assert yaml.safe_load(values["devicePlugin"]["config"]["data"]["default"]) == plugin_config(SLICED)
    assert values["dcgmExporter"]["serviceMonitor"] == {"enabled": False}


@pytest.mark.proves("gpu", "the GPU Operator, for nodes with a driver and for MIG")
def test_values_of_the_operator_for_partitions() -> None:
    values = operator_values(
        GpuOperatorArgs(sources=Sources(), connection=CONNECTION, pools={"parts": PARTS}, dcgm=False)
    )
    assert values["mig"] == {"strategy": "mixed"}
    # Nodes of no pool with a setting keep their GPUs whole.
    assert values["migManager"]["config"]["default"] == "all-disabled"
    assert yaml.safe_load(values["migManager"]["config"]["data"]["config.yaml"]) == mig_config({"parts": PARTS})
    assert values["dcgmExporter"]["enabled"] is False
    whole = operator_values(GpuOperatorArgs(sources=Sources(), connection=CONNECTION, sharing=PARTS))
    assert whole["migManager"]["config"]["default"] == "default"


def test_with_claims_no_device_plugin_runs() -> None:
    assert (
        operator_values(GpuOperatorArgs(sources=Sources(), connection=CONNECTION, dra=True))["devicePlugin"]["enabled"]
        is False
    )
    values = driver_values(Sources())
    assert values["gpuResourcesEnabledOverride"] is True
    assert values["resources"]["computeDomains"] == {"enabled": False}


def test_a_claim_for_gpus() -> None:
    (request,) = claim_spec(3)["spec"]["devices"]["requests"]
    assert request["exactly"] == {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 3}
