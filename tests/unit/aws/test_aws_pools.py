"""Node pools as values: labels, taints, start-up settings, and what Karpenter and autoscalers read."""

from __future__ import annotations

import base64
from typing import Any

import moto.ec2.models.instance_types as moto_types
import pytest
import yaml

from components.aws import tags
from components.aws.compute import instance_types, karpenter_objects, pools
from components.aws.compute.pools import NodePool

GPU = NodePool(name="gpu", instance_types=("g6.xlarge", "g6.12xlarge"), max=4)
CPU = NodePool(name="cpu", instance_types=("m7i.xlarge",), max=5)
ARM = NodePool(name="arm", instance_types=("m7g.xlarge",), max=5)
LARGE = NodePool(name="large", instance_types=("p5.48xlarge",), max=2, efa=True)


def test_the_table_of_instance_types_is_what_ec2_says() -> None:
    known: dict[str, Any] = moto_types.INSTANCE_TYPES
    compared = 0
    for ours in instance_types.known().values():
        theirs = known.get(ours.name)
        if theirs is None:
            continue
        compared += 1
        gpus = theirs.get("GpuInfo", {}).get("Gpus", [])
        assert ours.vcpus == theirs["VCpuInfo"]["DefaultVCpus"], ours.name
        assert ours.memory == theirs["MemoryInfo"]["SizeInMiB"] // 1024, ours.name
        assert ours.gpus == sum(gpu["Count"] for gpu in gpus), ours.name
        assert ours.gpu_model == (gpus[0]["Name"] if gpus else ""), ours.name
        assert ours.architecture in theirs["ProcessorInfo"]["SupportedArchitectures"], ours.name
        assert ours.local_disk == theirs.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0), ours.name
        if ours.gpus:
            # Other families have EFA too, which pools without GPUs do not use.
            assert ours.efa == theirs["NetworkInfo"].get("EfaInfo", {}).get("MaximumEfaInterfaces", 0), ours.name
        assert ours.capacity_blocks == ("capacity-block" in theirs["SupportedUsageClasses"]), ours.name
    assert compared == len(instance_types.known())


def test_an_unknown_type_names_its_neighbours() -> None:
    with pytest.raises(LookupError, match=r"near to it: .*p5\.48xlarge"):
        instance_types.named("p5.48xl")


@pytest.mark.parametrize(
    ("pool", "image"),
    [(GPU, "AL2023_x86_64_NVIDIA"), (CPU, "AL2023_x86_64_STANDARD"), (ARM, "AL2023_ARM_64_STANDARD")],
)
def test_images(pool: NodePool, image: str) -> None:
    assert pools.ami_type(pool) == image


def test_labels_and_taints() -> None:
    assert GPU.node_labels == {
        "ml-platform/node-pool": "gpu",
        "ml-platform/gpu-model": "L4",
        "nvidia.com/gpu.present": "true",
    }
    assert GPU.node_taints == (("nvidia.com/gpu", "true", "NoSchedule"),)
    assert CPU.node_labels == {"ml-platform/node-pool": "cpu"}
    assert CPU.node_taints == ()


def test_a_label_of_the_config_cannot_pretend_to_be_another_pool() -> None:
    pool = NodePool(name="cpu", instance_types=("m7i.large",), max=1, labels={"ml-platform/node-pool": "gpu"})
    assert pool.node_labels["ml-platform/node-pool"] == "cpu"


def test_user_data_makes_one_volume_of_the_local_disks() -> None:
    text = pools.user_data(GPU)
    assert text is not None
    _, _, document = base64.b64decode(text).decode().partition("---\n")
    node_config = yaml.safe_load(document.partition("\n--//--")[0])
    assert node_config["kind"] == "NodeConfig"
    assert node_config["spec"]["instance"]["localStorage"] == {"strategy": "RAID0"}
    assert pools.user_data(CPU) is None


def test_autoscalers_know_nodes_that_are_not_there_yet() -> None:
    found = pools.autoscaler_tags(GPU)
    prefix = "k8s.io/cluster-autoscaler/node-template"
    assert found[f"{prefix}/resources/nvidia.com/gpu"] == "4"
    assert found[f"{prefix}/taint/nvidia.com/gpu"] == "true:NoSchedule"
    assert found[f"{prefix}/label/ml-platform/node-pool"] == "gpu"


def node_class(pool: NodePool, **keys: Any) -> dict[str, Any]:
    return karpenter_objects.node_class_spec(
        pool,
        cluster="ml",
        image_release="v20260911",
        instance_profile="ml-nodes",
        node_tags=tags.defaults("prod"),
        **keys,
    )


def test_karpenter_counts_what_costs() -> None:
    spec = karpenter_objects.node_pool_spec(GPU, zones=("eu-west-1a",))
    assert spec["limits"] == {"nvidia.com/gpu": "16"}
    assert karpenter_objects.node_pool_spec(CPU, zones=("eu-west-1a",))["limits"] == {"cpu": "20"}


def test_karpenter_moves_no_running_training() -> None:
    disruption = karpenter_objects.node_pool_spec(GPU, zones=("eu-west-1a",))["disruption"]
    assert disruption["consolidationPolicy"] == "WhenEmpty"
    assert karpenter_objects.node_pool_spec(CPU, zones=("a",))["disruption"]["consolidationPolicy"] != "WhenEmpty"


@pytest.mark.proves("aws", "node pools: groups, Karpenter, Auto Mode, capacity blocks")
def test_requirements_of_a_pool() -> None:
    pool = NodePool(name="spot", instance_types=("m7g.large",), capacity="spot", max=1)
    spec = karpenter_objects.node_pool_spec(pool, zones=("eu-west-1a", "eu-west-1b"))
    asked = {r["key"]: r["values"] for r in spec["template"]["spec"]["requirements"]}
    assert asked == {
        "node.kubernetes.io/instance-type": ["m7g.large"],
        "karpenter.sh/capacity-type": ["spot"],
        "kubernetes.io/arch": ["arm64"],
        "kubernetes.io/os": ["linux"],
        "topology.kubernetes.io/zone": ["eu-west-1a", "eu-west-1b"],
    }
    assert spec["template"]["spec"]["nodeClassRef"] == {
        "group": "karpenter.k8s.aws",
        "kind": "EC2NodeClass",
        "name": "spot",
    }


def test_auto_mode_uses_its_own_class() -> None:
    spec = karpenter_objects.node_pool_spec(GPU, zones=("a",), auto_mode=True)
    assert spec["template"]["spec"]["nodeClassRef"] == {
        "group": "eks.amazonaws.com",
        "kind": "NodeClass",
        "name": "default",
    }


def test_node_classes() -> None:
    spec = node_class(GPU)
    assert spec["amiSelectorTerms"] == [{"alias": "al2023@v20260911"}]
    assert spec["instanceStorePolicy"] == "RAID0"
    assert spec["tags"]["node-pool"] == "gpu"
    assert "instanceStorePolicy" not in node_class(CPU)
    assert node_class(LARGE, efa_group_id="sg-efa")["securityGroupSelectorTerms"][1] == {"id": "sg-efa"}
    with pytest.raises(ValueError, match="EFA needs efa_group_id"):
        node_class(LARGE)


@pytest.mark.proves("aws", "node pools: groups, Karpenter, Auto Mode, capacity blocks")
def test_a_capacity_block_is_found_by_its_reservation() -> None:
    pool = NodePool(
        name="block",
        instance_types=("p5.48xlarge",),
        capacity="capacity-block",
        reservation="cr-0123456789abcdef0",
        zones=("eu-west-1b",),
        max=2,
    )
    assert node_class(pool)["capacityReservationSelectorTerms"] == [{"id": "cr-0123456789abcdef0"}]
    asked = karpenter_objects.node_pool_spec(pool, zones=pool.zones)["template"]["spec"]["requirements"]
    assert {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["reserved"]} in asked
