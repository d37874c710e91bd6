"""What a change of the config changes: its own resources, and nothing else's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.aws.engine import deploy_aws, deployed, stack_file
from tests.unit.recorder import Graph

Config = dict[str, Any]


def new_team(config: Config) -> None:
    config["teams"].append({"name": "speech", "quota": {"gpus": 4}})
    config["cluster"]["teamResources"].append(
        {"team": "speech", "images": ["asr"], "secrets": ["token"], "budget": 10, "emails": ["a@example.com"]}
    )


def new_karpenter_pool(config: Config) -> None:
    pool = {"name": "speech", "kind": "gpu", "instanceTypes": ["g6.2xlarge"], "max": 2}
    config["cluster"]["nodePools"].insert(1, pool)


def new_managed_pool(config: Config) -> None:
    pool = {"name": "speech", "kind": "cpu", "scaler": "managed", "instanceTypes": ["m7i.large"], "max": 2}
    config["cluster"]["nodePools"].insert(0, pool)


def new_bucket(config: Config) -> None:
    config["cluster"]["buckets"].insert(0, {"name": "speech"})


def new_image(config: Config) -> None:
    config["cluster"]["registry"]["images"].insert(0, "speech")


def prod_with(change: Callable[[Config], None]) -> Graph:
    config = copy.deepcopy(stack_file("prod")["ml-platform:environment"])
    change(config)
    return deploy_aws(config, stack="prod").graph


@pytest.mark.parametrize(
    "change", [new_team, new_karpenter_pool, new_managed_pool, new_image], ids=lambda c: c.__name__
)
def test_what_is_added_touches_nothing_that_is_there(change: Callable[[Config], None]) -> None:
    before, after = deployed("prod").graph.by_urn(), prod_with(change).by_urn()
    added = set(after) - set(before)
    assert not set(before) - set(after)
    assert added
    assert all("speech" in urn.rpartition("::")[2] for urn in added), sorted(added)
    changed = [urn for urn in before if before[urn].inputs != after[urn].inputs]
    assert not changed
    assert not [urn for urn in before if before[urn].protect != after[urn].protect]


def test_a_new_bucket_changes_the_teams_policies_and_nothing_else() -> None:
    before, after = deployed("prod").graph.by_urn(), prod_with(new_bucket).by_urn()
    assert all("speech" in urn.rpartition("::")[2] for urn in set(after) - set(before))
    changed = [before[urn].name for urn in before if before[urn].inputs != after[urn].inputs]
    assert sorted(changed) == ["aws-ranking-identity-policy", "aws-vision-identity-policy"]


def test_a_team_that_leaves_takes_its_own_along() -> None:
    def without_ranking(config: Config) -> None:
        config["teams"] = [team for team in config["teams"] if team["name"] != "ranking"]
        resources = config["cluster"]["teamResources"]
        config["cluster"]["teamResources"] = [r for r in resources if r["team"] != "ranking"]

    before, after = deployed("prod").graph.by_urn(), prod_with(without_ranking).by_urn()
    assert not set(after) - set(before)
    assert all("ranking" in urn.rpartition("::")[2] for urn in set(before) - set(after))
    assert not [urn for urn in after if before[urn].inputs != after[urn].inputs]


def test_a_third_zone_moves_none_of_the_first_two() -> None:
    config = copy.deepcopy(stack_file("staging")["ml-platform:environment"])
    config["cluster"]["network"]["zones"].append("eu-west-1c")
    before, after = deployed("staging").graph.by_urn(), deploy_aws(config, stack="staging").graph.by_urn()
    assert not set(before) - set(after)
    for urn, resource in before.items():
        if resource.kind in ("Subnet", "RouteTable", "Route", "NatGateway", "MountTarget"):
            assert after[urn].inputs == resource.inputs, resource.name


def test_an_existing_vpc_gets_karpenters_tag_and_nothing_else() -> None:
    config = copy.deepcopy(stack_file("staging")["ml-platform:environment"])
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


def test_auto_mode_leaves_nodes_and_their_addons_to_aws() -> None:
    config = copy.deepcopy(stack_file("staging")["ml-platform:environment"])
    config["cluster"]["autoMode"] = True
    config["cluster"]["nodePools"] = [p for p in config["cluster"]["nodePools"] if p["kind"] != "system"]
    graph = deploy_aws(config, stack="staging").graph
    cluster = graph.one("Cluster", "eks-control-plane")
    assert cluster.inputs["computeConfig"]["enabled"] is True
    assert cluster.inputs["storageConfig"] == {"blockStorage": {"enabled": True}}
    assert not graph.of_kind("NodeGroup")
    assert not graph.of_kind("EC2NodeClass")
    assert not graph.of_kind("Release")
    addons = {r.inputs["addonName"] for r in graph.registrations if r.type == "aws:eks/addon:Addon"}
    assert addons == {"aws-efs-csi-driver", "aws-mountpoint-s3-csi-driver", "metrics-server"}
    assert {r.inputs["metadata"]["name"] for r in graph.of_kind("NodePool")} == {"cpu", "gpu"}
