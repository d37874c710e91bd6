"""What a change of the config changes: its own resources, and nothing else's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.aws.engine import deploy_aws, deployed, stack_file
from tests.unit.recorder import Graph

Config = dict[str, Any]


# Parts of the names of what the changes below add.
ADDED = ("speech", "asr-base")


def staging() -> Config:
    return copy.deepcopy(stack_file("staging")["ml-platform:environment"])


def new_team(config: Config) -> None:
    config["teams"].append({"name": "speech", "quota": {"gpus": 4}, "queue": {"gpus": {"speech-gpu": 2}}})
    config["cluster"]["teamResources"].append(
        {"team": "speech", "images": ["asr"], "secrets": ["token"], "budget": 10, "emails": ["a@example.com"]}
    )


def new_karpenter_pool(config: Config) -> None:
    pool = {"name": "speech-gpu", "kind": "gpu", "instanceTypes": ["g6.2xlarge"], "max": 2}
    config["cluster"]["nodePools"].insert(1, pool)


def new_managed_pool(config: Config) -> None:
    pool = {"name": "speech-cpu", "kind": "cpu", "scaler": "managed", "instanceTypes": ["m7i.large"], "max": 2}
    config["cluster"]["nodePools"].insert(0, pool)


def new_image(config: Config) -> None:
    config["cluster"]["registry"]["images"].insert(0, "asr-base")


def prod_with(change: Callable[[Config], None]) -> Graph:
    config = copy.deepcopy(stack_file("prod")["ml-platform:environment"])
    change(config)
    return deploy_aws(config, stack="prod").graph


def all_of_them(config: Config) -> None:
    for change in (new_team, new_karpenter_pool, new_managed_pool, new_image):
        change(config)


def test_what_is_added_touches_nothing_that_is_there() -> None:
    before, after = deployed("prod").graph.by_urn(), prod_with(all_of_them).by_urn()
    added = {urn: after[urn] for urn in after if urn not in before}
    assert not set(before) - set(after)
    strangers = [urn for urn in added if not any(name in urn.rpartition("::")[2] for name in ADDED)]
    assert not strangers
    kinds = {r.kind for r in added.values()}
    assert {"Namespace", "Budget", "Key", "NodePool", "EC2NodeClass", "NodeGroup", "Repository"} <= kinds
    # GPUs of a new pool are for every queue of the cohort: each may borrow what its team leaves idle.
    queues = {"queueing-cohort", "vision-queue-clusterqueue", "ranking-queue-clusterqueue"}
    assert {before[urn].name for urn in before if before[urn].inputs != after[urn].inputs} == queues
    assert not [urn for urn in before if before[urn].protect != after[urn].protect]


def test_a_new_bucket_changes_the_teams_policies_and_nothing_else() -> None:
    config = staging()
    config["cluster"]["buckets"].insert(0, {"name": "speech"})
    before, after = deployed("staging").graph.by_urn(), deploy_aws(config, stack="staging").graph.by_urn()
    assert all("speech" in urn.rpartition("::")[2] for urn in set(after) - set(before))
    changed = [before[urn].name for urn in before if before[urn].inputs != after[urn].inputs]
    assert changed == ["aws-demo-identity-policy"]


@pytest.mark.proves("aws", "network: subnets over zones that move nothing when one is added")
def test_a_third_zone_moves_none_of_the_first_two() -> None:
    config = staging()
    config["cluster"]["network"]["zones"].append("eu-west-1c")
    before, after = deployed("staging").graph.by_urn(), deploy_aws(config, stack="staging").graph.by_urn()
    assert not set(before) - set(after)
    for urn, resource in before.items():
        if resource.kind in ("Subnet", "RouteTable", "Route", "NatGateway", "MountTarget"):
            assert after[urn].inputs == resource.inputs, resource.name


def test_an_existing_vpc_gets_karpenters_tag_and_nothing_else() -> None:
    config = staging()
    config["cluster"]["network"] = {
        "kind": "existing",
        "vpc": "vpc-0123456789abcdef0",
        "cidr": "10.40.0.0/16",
        "subnets": [
            {
                "zone": f"eu-west-1{zone}",
                "private": f"subnet-0000000000000000{zone}",
                "intra": f"subnet-0000000000000001{zone}",
            }
            for zone in "ab"
        ],
    }
    graph = deploy_aws(config, stack="staging").graph
    made = {r.kind for r in graph.registrations if r.type.startswith("aws:ec2/")}
    assert made == {"Tag", "SecurityGroup", "LaunchTemplate"}
    tagged = {r.inputs["resourceId"] for r in graph.registrations if r.type == "aws:ec2/tag:Tag"}
    assert tagged == {"sg-cluster", "subnet-0000000000000000a", "subnet-0000000000000000b"}


@pytest.mark.proves("aws", "node pools: groups, Karpenter, Auto Mode, capacity blocks")
def test_auto_mode_leaves_nodes_and_their_addons_to_aws() -> None:
    config = staging()
    config["cluster"]["autoMode"] = True
    config["cluster"]["nodePools"] = [p for p in config["cluster"]["nodePools"] if p["kind"] != "system"]
    config["gpu"]["driver"] = "none"
    graph = deploy_aws(config, stack="staging").graph
    cluster = graph.one("Cluster", "eks-control-plane")
    assert cluster.inputs["computeConfig"]["enabled"] is True
    assert cluster.inputs["storageConfig"] == {"blockStorage": {"enabled": True}}
    assert not graph.of_kind("NodeGroup")
    assert not graph.of_kind("EC2NodeClass")
    assert {r.inputs["name"] for r in graph.of_kind("Release")} == {"kueue", "kube-prometheus-stack"}
    addons = {r.inputs["addonName"] for r in graph.registrations if r.type == "aws:eks/addon:Addon"}
    assert addons == {"aws-efs-csi-driver", "aws-mountpoint-s3-csi-driver", "metrics-server"}
    assert {r.inputs["metadata"]["name"] for r in graph.of_kind("NodePool")} == {"cpu", "gpu"}
