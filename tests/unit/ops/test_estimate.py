"""The bill: each kind of resource by hand-made figures, and whole graphs."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ops.aws.price_table import FALLBACK_REGION, Prices, load
from ops.aws.pricing import AwsPricing, region_of
from ops.bill import Estimate, Item, PriceError
from ops.cost.__main__ import main
from ops.cost.change import compare_bills, difference, dollars
from ops.cost.estimate import estimate
from ops.preview.reading import read
from ops.preview.record import Preview, Resource, State

PREVIEWS = Path(__file__).parent / "previews"
# Round figures, so that sums can be checked by eye: a month has 100 hours.
PRICING = AwsPricing(
    prices=Prices(
        region="x",
        wanted="x",
        dated=date(2026, 1, 1),
        source="made up",
        instances={"g6.xlarge": 1.0, "g6.12xlarge": 8.0, "p5.48xlarge": 80.0},
        families={"m7i": 0.1},
        databases={"db.m7g.large": 2.0},
        services={
            "eks-cluster-hour": 0.1,
            "nat-gateway-hour": 0.5,
            "nat-gateway-gb": 0.05,
            "interface-endpoint-hour": 0.01,
            "public-ipv4-hour": 0.005,
            "network-load-balancer-hour": 0.2,
            "ebs-gp3-gb-month": 0.1,
            "rds-gp3-gb-month": 0.2,
            "efs-gb-month": 0.3,
            "s3-gb-month": 0.02,
            "ecr-gb-month": 0.1,
            "logs-gb": 0.5,
            "kms-key-month": 1.0,
            "secret-month": 0.4,
            "fsx-lustre-scratch-gb-month": 0.1,
            "fsx-lustre-250-gb-month": 0.2,
        },
        assumptions={
            "hours-a-month": 100,
            "spot-share": 0.5,
            "node-disk-gb": 100,
            "s3-gb-each-bucket": 1000,
            "efs-gb-each-file-system": 500,
            "ecr-gb-each-repository": 50,
            "nat-gb-each-gateway": 1000,
            "logs-gb-each-group": 20,
        },
    )
)
GROUP = "aws:eks/nodeGroup:NodeGroup"
POOL = "kubernetes:karpenter.sh/v1:NodePool"
VPC = Item(type="aws:ec2/vpc:Vpc", name="vpc", inputs={})


def bill(*items: Item) -> Estimate:
    """The bill of a graph that has something of AWS."""
    return estimate([VPC, *items], PRICING)


def item(kind: str, name: str = "x", **inputs: Any) -> Item:
    return Item(type=kind, name=name, inputs=inputs)


def karpenter(kinds: list[str], limits: dict[str, str], **labels: str) -> Item:
    requirement = {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": kinds}
    spec = {"limits": limits, "template": {"spec": {"requirements": [requirement]}}}
    return item(POOL, metadata={"name": "gpu", "labels": labels}, spec=spec)


def group(least: int, most: int, kinds: list[str], **inputs: Any) -> Item:
    sizes = {"minSize": least, "maxSize": most}
    return item(GROUP, instanceTypes=kinds, scalingConfig=sizes, nodeGroupName="pool", **inputs)


@pytest.mark.proves("reviews", "what a change costs on AWS")
@pytest.mark.parametrize(
    ("found", "floor", "ceiling"),
    [
        # A node: 100 hours, and 100 GiB of disk for 10.
        (group(1, 3, ["g6.xlarge"]), 110, 330),
        # The cheapest type at least, the dearest at most.
        (group(1, 2, ["g6.xlarge", "g6.12xlarge"]), 110, 1620),
        (group(2, 2, ["m7i.2xlarge"], diskSize=50), 2 * (80 + 5), 2 * (80 + 5)),
        (group(1, 1, ["g6.xlarge"], capacityType="SPOT"), 55, 110),
        # Karpenter: from none to what the limits allow of the dearest type.
        (karpenter(["g6.xlarge"], {"nvidia.com/gpu": "5"}), 0, 5 * 110),
        (karpenter(["g6.xlarge", "g6.12xlarge"], {"nvidia.com/gpu": "8"}), 0, 2 * 810),
        (karpenter(["m7i.2xlarge"], {"cpu": "20"}), 0, 2 * 90),
        (karpenter(["g6.xlarge"], {"nvidia.com/gpu": "100", "cpu": "8"}), 0, 2 * 110),
        (item("aws:eks/cluster:Cluster"), 10, 10),
        (item("aws:ec2/natGateway:NatGateway"), 50, 100),
        (item("aws:ec2/vpcEndpoint:VpcEndpoint", vpcEndpointType="Interface", subnetIds=["a", "b", "c"]), 3, 3),
        (item("aws:ec2/vpcEndpoint:VpcEndpoint", vpcEndpointType="Gateway"), 0, 0),
        (item("aws:ec2/eip:Eip"), 0.5, 0.5),
        (item("aws:rds/instance:Instance", instanceClass="db.m7g.large", allocatedStorage=100), 220, 220),
        (
            item(
                "aws:rds/instance:Instance",
                instanceClass="db.m7g.large",
                multiAz=True,
                allocatedStorage=100,
                maxAllocatedStorage=1000,
            ),
            440,
            800,
        ),
        (item("aws:fsx/lustreFileSystem:LustreFileSystem", storageCapacity=1200), 120, 120),
        (
            item("aws:fsx/lustreFileSystem:LustreFileSystem", storageCapacity=1200, perUnitStorageThroughput=250),
            240,
            240,
        ),
        (item("aws:s3/bucket:Bucket"), 0, 20),
        (item("aws:efs/fileSystem:FileSystem"), 0, 150),
        (item("aws:ecr/repository:Repository"), 0, 5),
        (item("aws:cloudwatch/logGroup:LogGroup"), 0, 10),
        (item("aws:kms/key:Key"), 1, 1),
        (item("aws:secretsmanager/secret:Secret"), 0.4, 0.4),
        (item("kubernetes:core/v1:Service", spec={"type": "LoadBalancer"}), 20, 20),
        (item("kubernetes:core/v1:Service", spec={"type": "ClusterIP"}), 0, 0),
        (
            item(
                "kubernetes:core/v1:PersistentVolumeClaim",
                spec={"storageClassName": "gp3", "resources": {"requests": {"storage": "100Gi"}}},
            ),
            10,
            10,
        ),
        (
            item(
                "kubernetes:core/v1:PersistentVolumeClaim",
                spec={"storageClassName": "efs", "resources": {"requests": {"storage": "100Gi"}}},
            ),
            0,
            0,
        ),
        (item("aws:iam/role:Role"), 0, 0),
    ],
    ids=lambda value: f"{value.type}" if isinstance(value, Item) else "",
)
def test_a_resource_costs(found: Item, floor: float, ceiling: float) -> None:
    made = bill(found)
    assert made.floor == pytest.approx(floor)
    assert made.ceiling == pytest.approx(ceiling)
    assert made.unpriced == ()


def test_a_disk_is_that_of_the_launch_template_or_node_class() -> None:
    template = item(
        "aws:ec2/launchTemplate:LaunchTemplate",
        tags={"node-pool": "pool"},
        blockDeviceMappings=[{"ebs": {"volumeSize": 500}}],
    )
    assert bill(group(1, 1, ["g6.xlarge"], tags={"node-pool": "pool"}), template).ceiling == pytest.approx(150)
    pool = karpenter(["g6.xlarge"], {"nvidia.com/gpu": "1"})
    spec = pool.at("spec")
    spec["template"]["spec"]["nodeClassRef"] = {"name": "class"}
    node_class = item(
        "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
        metadata={"name": "class"},
        spec={"blockDeviceMappings": [{"ebs": {"volumeSize": "500Gi"}}]},
    )
    assert bill(pool, node_class).ceiling == pytest.approx(150)


def test_the_type_of_a_capacity_block_stands_in_the_launch_template() -> None:
    template = item("aws:ec2/launchTemplate:LaunchTemplate", tags={"node-pool": "p"}, instanceType="p5.48xlarge")
    pool = item(GROUP, nodeGroupName="p", tags={"node-pool": "p"}, scalingConfig={"minSize": 0, "maxSize": 1})
    assert bill(pool, template).ceiling == pytest.approx(8010)


@pytest.mark.parametrize(
    "pool", [group(1, 2, ["p5e.48xlarge"]), karpenter(["g6.xlarge"], {}), karpenter([], {"nvidia.com/gpu": "1"})]
)
def test_what_has_no_price_or_no_bound_is_said_and_not_guessed(pool: Item) -> None:
    (line,) = bill(pool).lines
    assert (line.floor, line.ceiling) == (0, 0)
    assert "not counted" in line.note


def test_a_type_of_aws_that_nobody_thought_of_is_named() -> None:
    assert bill(item("aws:redshift/cluster:Cluster")).unpriced == ("aws:redshift/cluster:Cluster",)


def test_nobody_sends_a_bill_for_ones_own_machines() -> None:
    assert estimate([item("kubernetes:core/v1:Service", spec={"type": "LoadBalancer"})], PRICING).lines == ()


def test_sums_by_team_and_pool() -> None:
    made = bill(
        item("aws:kms/key:Key", tags={"team": "vision"}),
        item("aws:kms/key:Key"),
        group(1, 2, ["g6.xlarge"]),
    )
    assert made.by(lambda line: line.team) == {"shared": (111, 221), "vision": (1, 1)}
    assert made.by(lambda line: line.pool) == {"pool": (110, 220)}


def test_a_quota_uses_the_dearest_gpus_first_and_no_more_than_there_are() -> None:
    space = item("kubernetes:core/v1:Namespace", metadata={"name": "vision", "labels": {"ml-platform/team": "vision"}})
    quota = item(
        "kubernetes:core/v1:ResourceQuota",
        metadata={"namespace": "vision"},
        spec={"hard": {"requests.nvidia.com/gpu": "10"}},
    )
    # A p5 GPU costs 10 an hour and there are 8 of them; an L4 costs 1, and there are 4.
    pools = (group(0, 1, ["p5.48xlarge"]), karpenter(["g6.xlarge"], {"nvidia.com/gpu": "4"}))
    assert bill(space, quota, *pools).quotas == {"vision": pytest.approx(100 * (8 * 10 + 2 * 1))}
    private = group(0, 1, ["p5.48xlarge"], tags={"team": "ranking"})
    assert bill(space, quota, private).quotas == {}


@pytest.mark.proves("reviews", "what a change costs on AWS")
def test_a_change_is_the_difference_of_two_bills() -> None:
    urn = "urn:pulumi:prod::ml-platform::aws:kms/key:Key::"
    resources = (
        Resource(urn=f"{urn}a", change="create", before=None, after=State()),
        Resource(urn=f"{urn}b", change="create", before=None, after=State()),
        Resource(urn=f"{urn}c", change="delete", before=State(), after=None),
        Resource(urn=f"{urn}d", change="same", before=State(), after=State()),
    )
    found = compare_bills(Preview(stack="prod", resources=resources), "us-east-1")
    assert (found.before.floor, found.after.floor, found.floor) == (2, 3, 1)


def test_the_production_example_says_where_its_prices_come_from() -> None:
    preview = read(PREVIEWS / "prod.json")
    found = compare_bills(preview)
    assert isinstance(found.pricing, AwsPricing)
    assert found.pricing.prices.wanted == "eu-west-1"
    assert found.after.floor < found.after.ceiling
    assert "from memory of the public price list" in found.notes[0]
    assert "python -m ops.aws.prices --region eu-west-1" in found.notes[0]
    assert region_of([]) is None


def test_the_command_prints_the_date_and_the_source(tmp_path: Path) -> None:
    text = CliRunner().invoke(main, [str(PREVIEWS / "prod.json"), "--details"], env={"COLUMNS": "200"}).output
    for said in ("By team", "By pool", "large-training", "2025-06-30", "refresh before relying"):
        assert said in text
    machine = json.loads(CliRunner().invoke(main, [str(PREVIEWS / "prod.json"), "--json"]).output)
    assert machine[0]["ceiling"] >= sum(ceiling for _, ceiling in machine[0]["pools"].values())
    broken = tmp_path / "x.json"
    broken.write_text("")
    failed = CliRunner().invoke(main, [str(broken)])
    assert (failed.exit_code, failed.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        ("prod.json", "By pool"),
        ("dev.json", "dev: no cloud resources, so no bill.\n"),
        ("refused.json", "dev: no cloud resources, so no bill.\n"),
        ("failed.json", "dev: no cost estimate, since the preview did not finish.\n"),
        ("README.md", "README.md: is no recorded preview"),
    ],
)
def test_the_bill_is_that_of_a_preview_that_finished(record: str, shown: str) -> None:
    assert shown in CliRunner().invoke(main, [str(PREVIEWS / record)]).output


def test_programs_are_told_that_the_sums_of_a_failed_preview_lack_something(tmp_path: Path) -> None:
    failed = {"sequence": 9, "timestamp": 9, "summaryEvent": {"result": "failed"}}
    path = tmp_path / "prod.json"
    path.write_text((PREVIEWS / "prod.json").read_text().replace('"mandatory"', '"advisory"') + json.dumps(failed))
    (bill,) = json.loads(CliRunner().invoke(main, [str(path), "--json"]).output)
    assert "The preview failed: the sums lack what it did not reach." in bill["notes"]


@pytest.mark.parametrize(("amount", "text"), [(0.4, "$0"), (-0.4, "$0"), (-1234.5, "-$1,234"), (1e6, "$1,000,000")])
def test_dollars(amount: float, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(("amount", "text"), [(0.2, "no change"), (12, "+$12"), (-12, "-$12")])
def test_difference(amount: float, text: str) -> None:
    assert difference(amount) == text


def test_the_table_covers_what_the_examples_use() -> None:
    prices = load(FALLBACK_REGION)
    for name in ("m7i.xlarge", "g6.2xlarge", "g6e.12xlarge", "p5.48xlarge"):
        assert prices.instance(name)
    assert prices.instance("p5e.48xlarge") is None
    assert prices.instance("m7i.metal-48xl") is None
    assert prices.instance("m7i.2xlarge") == pytest.approx(4 * (prices.instance("m7i.large") or 0))
    with pytest.raises(PriceError, match=r"regions\.us-east-1\.services has no unheard-of; add it, or refresh"):
        prices.service("unheard-of")
