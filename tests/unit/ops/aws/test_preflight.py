"""Preflight: what an environment needs, and what an account answers. EC2, IAM, KMS, S3 and STS are moto's; Service
Quotas and EKS, of which moto has too little, are canned answers that botocore checks against the API's own model."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber
from click.testing import CliRunner
from moto import mock_aws
from rich.console import Console

from components.aws import tags
from ops.aws import preflight as account
from ops.aws.checks import capacity, names, versions
from ops.aws.checks.quotas import compute_quotas, network_limits
from ops.aws.needs import (
    ADDRESSES,
    ON_DEMAND_G,
    ON_DEMAND_P,
    SPOT_G,
    SPOT_P,
    SPOT_P5,
    SPOT_STANDARD,
    STANDARD,
    VPCS,
    Needs,
    Pool,
    Quota,
    list_needs,
    quota_of,
)
from ops.findings import Finding, Status
from ops.preflight import __main__ as preflight
from stacks.check import read_environment

ROOT = Path(__file__).parents[4]
REGION = "eu-west-1"
ACCOUNT = "123456789012"
OURS = [{"Key": key, "Value": value} for key, value in ((tags.ENVIRONMENT, "prod"), (tags.MANAGED_BY, "pulumi"))]
SMALL = Needs(
    account=ACCOUNT,
    region=REGION,
    stack="prod",
    cluster="ml",
    kubernetes="1.35",
    vcpus={ON_DEMAND_G: 64},
    pools=(Pool(name="gpu", types=("g6.xlarge",), zones=(f"{REGION}a",), max=2),),
    addresses=3,
    vpcs=1,
    addons={"coredns": "v1.13.2-eksbuild.21"},
    roles=("ml-cluster", "ml-nodes"),
    aliases=("alias/ml/data",),
    buckets=("ml-models-123456789012",),
)


@functools.cache
def moto_client(service: str) -> Any:
    """A client is slow to make, and moto answers one that was made before it started too."""
    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client(service, region_name=REGION, **credentials)  # type: ignore[call-overload]


class Account:
    """Clients of a moto account, some of them replaced by stubs."""

    def __init__(self, **stubs: Any) -> None:
        self.stubs = stubs

    def client(self, service: str) -> Any:
        return self.stubs.get(service) or moto_client(service)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def quotas(**values: float) -> Any:
    """A Service Quotas client that answers in the order of `values`: codes with `_` for `-`; negative: a default."""
    client = boto3.client("service-quotas", region_name=REGION)
    stub = Stubber(client)
    for code, value in values.items():
        quota = {"Quota": {"Value": abs(value)}}
        if value < 0:
            stub.add_client_error("get_service_quota", "NoSuchResourceException")
            stub.add_response("get_aws_default_service_quota", quota)
        else:
            names = {"ServiceCode": "vpc" if code == "L_F678F1CE" else "ec2", "QuotaCode": code.replace("_", "-")}
            stub.add_response("get_service_quota", quota, names)
    stub.activate()
    return client


def eks(*versions: str, status: str = "STANDARD_SUPPORT", addon: str | None = "v1.13.2-eksbuild.21") -> Any:
    client = boto3.client("eks", region_name=REGION)
    stub = Stubber(client)
    known = [{"clusterVersion": version, "versionStatus": status} for version in versions]
    stub.add_response("describe_cluster_versions", {"clusterVersions": known})
    offered = [{"addonName": "coredns", "addonVersions": [{"addonVersion": addon}]}] if addon else []
    stub.add_response(
        "describe_addon_versions", {"addons": offered}, {"addonName": "coredns", "kubernetesVersion": "1.35"}
    )
    stub.activate()
    return client


def one(found: Iterator[Finding]) -> Finding:
    (finding,) = found
    return finding


@pytest.mark.parametrize(
    ("kind", "capacity", "quota"),
    [
        ("m7i.large", "on-demand", STANDARD),
        ("r7g.large", "spot", SPOT_STANDARD),
        ("g6e.12xlarge", "on-demand", ON_DEMAND_G),
        ("g5.xlarge", "spot", SPOT_G),
        ("p5.48xlarge", "on-demand", ON_DEMAND_P),
        ("p4d.24xlarge", "spot", SPOT_P),
        ("p5en.48xlarge", "spot", SPOT_P5),
        ("p5.48xlarge", "capacity-block", None),
    ],
)
def test_an_instance_counts_against_a_quota(kind: str, capacity: str, quota: Quota | None) -> None:
    assert quota_of(kind, capacity) == quota


def test_needs_of_production() -> None:
    found = list_needs(read_environment(ROOT / "Pulumi.prod.yaml"), "prod")
    # 6 x m7i.xlarge and 20 x 2xlarge; 8 x g6.2xlarge; 6 x 12xlarge on spot. The capacity block is paid for ahead.
    assert found.vcpus == {STANDARD: 6 * 4 + 20 * 8, ON_DEMAND_G: 8 * 8, SPOT_G: 6 * 48}
    assert (found.addresses, found.vpcs) == (3, 1)
    assert {pool.name for pool in found.pools if pool.reservation} == {"large-training"}
    assert {"ml-prod-cluster", "ml-prod-nodes", "ml-prod-team-vision"} <= set(found.roles)
    assert "alias/ml-prod/data" in found.aliases
    assert "ml-prod-models-444455556666" in found.buckets
    assert set(found.addons) >= {"coredns", "vpc-cni", "kube-proxy", "aws-fsx-csi-driver"}


def test_names_that_preflight_checks_are_those_that_the_stack_gives() -> None:
    from tests.unit.aws import engine

    found = list_needs(read_environment(ROOT / "Pulumi.prod.yaml"), "prod")
    graph = engine.deployed("prod").graph
    given = {kind: {r.inputs.get("name") for r in graph.of_kind(kind)} for kind in ("Role", "Alias")}
    assert set(found.aliases) <= given["Alias"]
    assert {"ml-prod-cluster", "ml-prod-nodes", "ml-prod-karpenter", "ml-prod-team-vision"} <= given["Role"]
    assert set(found.buckets) <= {r.inputs.get("bucket") for r in graph.of_kind("Bucket")}
    assert len(graph.of_kind("Eip")) == found.addresses


def test_an_environment_that_is_not_on_aws_has_no_needs() -> None:
    with pytest.raises(LookupError, match="kind local: only `kind: aws`"):
        list_needs(read_environment(ROOT / "Pulumi.dev.yaml"), "dev")


@pytest.mark.usefixtures("aws")
def test_the_wrong_account_is_the_only_finding() -> None:
    found = account.check_account(replace(SMALL, account="999999999999"), Account())
    assert [(f.check, f.have, f.status) for f in found] == [("account", ACCOUNT, "missing")]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("value", "status"), [(64.0, "ok"), (63.0, "missing"), (-5.0, "missing")])
def test_compute_quotas(value: float, status: str) -> None:
    found = one(compute_quotas(SMALL, Account(**{"service-quotas": quotas(L_DB2E81BA=value)})))
    assert (found.needed, found.have, found.status) == ("64", f"{abs(value):g}", status)
    assert f"--region {REGION} --service-code ec2 --quota-code L-DB2E81BA --desired-value 64" in found.remedy


@pytest.mark.usefixtures("aws")
def test_network_limits_count_what_others_use_and_what_is_ours() -> None:
    ec2 = moto_client("ec2")
    for tagged in ([], OURS):
        address = ec2.allocate_address(Domain="vpc")
        if tagged:
            ec2.create_tags(Resources=[address["AllocationId"]], Tags=tagged)
    # One VPC is there by default: of 1 allowed nothing is left. Of the 3 addresses one is ours already.
    stub = quotas(L_F678F1CE=1, L_0263D0A3=4)
    vpc, addresses = network_limits(SMALL, Account(**{"service-quotas": stub}))
    assert (vpc.needed, vpc.have, vpc.status) == ("1 more", "1 of 1 used", "missing")
    assert VPCS.code in vpc.check
    assert (addresses.needed, addresses.have, addresses.status) == ("2 more", "2 of 4 used", "ok")
    assert ADDRESSES.code in addresses.check
    assert list(network_limits(replace(SMALL, vpcs=0, addresses=0), Account())) == []


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("kind", "zones", "status"),
    [
        ("m7i.xlarge", (f"{REGION}a", f"{REGION}b"), "ok"),
        ("m7i.xlarge", (f"{REGION}a", f"{REGION}z"), "look"),
        ("m7i.xlarge", (f"{REGION}z",), "missing"),
        ("p5en.unheard-of", (f"{REGION}a",), "missing"),
    ],
)
def test_offerings(kind: str, zones: tuple[str, ...], status: str) -> None:
    pool = Pool(name="cpu", types=(kind,), zones=zones, max=1)
    found = one(capacity.offerings(replace(SMALL, pools=(pool,)), Account()))
    assert found.status == status
    assert found.check == f"pool cpu: {kind}"
    assert found.remedy.startswith("offered in" if kind == "m7i.xlarge" else f"not offered in {REGION}")


RESERVED = {"State": "active", "TotalInstanceCount": 2, "InstanceType": "p5.48xlarge", "AvailabilityZone": "a"}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (RESERVED, "ok"),
        ({**RESERVED, "State": "scheduled"}, "ok"),
        ({**RESERVED, "TotalInstanceCount": 1}, "missing"),
        ({**RESERVED, "State": "expired"}, "missing"),
        ({**RESERVED, "AvailabilityZone": "b"}, "missing"),
        ({**RESERVED, "InstanceType": "p4d.24xlarge"}, "missing"),
        (None, "missing"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_reservations(answer: dict[str, Any] | None, status: str) -> None:
    pool = Pool(name="big", types=("p5.48xlarge",), zones=("a",), max=2, reservation="cr-1")
    client = boto3.client("ec2", region_name=REGION)
    with Stubber(client) as stub:
        if answer:
            stub.add_response("describe_capacity_reservations", {"CapacityReservations": [answer]})
        else:
            stub.add_client_error("describe_capacity_reservations", "InvalidCapacityReservationId.NotFound")
        found = one(capacity.reservations(replace(SMALL, pools=(pool,)), Account(ec2=client)))
    assert found.status == status


@pytest.mark.usefixtures("aws")
def test_names_of_others_are_refused_and_ours_are_not() -> None:
    iam, kms, s3 = (moto_client(service) for service in ("iam", "kms", "s3"))
    everything = (names.role_names, names.key_aliases, names.bucket_names)
    assert [one(check(SMALL, Account())).status for check in everything] == ["ok"] * 3

    iam.create_role(RoleName="ml-nodes", AssumeRolePolicyDocument="{}")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/ml/data", TargetKeyId=key)
    s3.create_bucket(Bucket=SMALL.buckets[0], CreateBucketConfiguration={"LocationConstraint": REGION})
    found = [one(check(SMALL, Account())) for check in everything]
    assert [finding.status for finding in found] == ["missing"] * 3
    assert [finding.have for finding in found] == [
        "taken: ml-nodes",
        "taken: alias/ml/data",
        f"taken: {SMALL.buckets[0]}",
    ]

    iam.tag_role(RoleName="ml-nodes", Tags=OURS)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in OURS])
    s3.put_bucket_tagging(Bucket=SMALL.buckets[0], Tagging={"TagSet": OURS})
    assert [one(check(SMALL, Account())).status for check in everything] == ["ok"] * 3
    # Ours, but of another stack.
    assert [one(check(replace(SMALL, stack="staging"), Account())).status for check in everything] == ["missing"] * 3


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("client", "statuses"),
    [
        (lambda: eks("1.34", "1.35"), ["ok", "ok"]),
        (lambda: eks("1.34"), ["missing", "ok"]),
        (lambda: eks("1.35", status="EXTENDED_SUPPORT"), ["look", "ok"]),
        (lambda: eks("1.35", addon="v1.14.0-eksbuild.1"), ["ok", "missing"]),
        (lambda: eks("1.35", addon=None), ["ok", "missing"]),
    ],
)
def test_versions(client: Any, statuses: list[str]) -> None:
    found = list(versions.versions(SMALL, Account(eks=client())))
    assert [finding.status for finding in found] == statuses


@pytest.mark.proves("reviews", "what an account lacks before an update")
@pytest.mark.usefixtures("aws")
def test_everything_together() -> None:
    stubs = {"eks": eks("1.35"), "service-quotas": quotas(L_DB2E81BA=64, L_F678F1CE=5, L_0263D0A3=5)}
    small = replace(SMALL, pools=(Pool(name="cpu", types=("m7i.xlarge",), zones=(f"{REGION}a",), max=2),))
    found = account.check_account(small, Account(**stubs))
    assert {finding.status for finding in found} == {"ok"}
    assert len(found) == 10


def test_the_table_has_the_worst_first_and_remedies_only_where_needed() -> None:
    rows = [
        Finding(check="fine", needed="1", have="1", status="ok", remedy="never shown"),
        Finding(check="short", needed="2", have="1", status="missing", remedy="ask for more"),
    ]
    written = io.StringIO()
    Console(width=120, file=written).print(preflight.make_table(rows))
    text = written.getvalue()
    assert text.index("short") < text.index("fine")
    assert "ask for more" in text
    assert "never shown" not in text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), "no AWS credentials: log in"),
        (EndpointConnectionError(endpoint_url="https://sts"), f"AWS in {REGION} cannot be reached"),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "x"}}, "GetCallerIdentity"),
            "GetCallerIdentity was refused (ExpiredToken): log in again",
        ),
    ],
)
def test_aws_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    def refuse(*_: object) -> list[Finding]:
        raise error

    monkeypatch.setattr(account, "check_account", refuse)
    result = CliRunner().invoke(preflight.main, [str(ROOT / "Pulumi.prod.yaml")])
    assert result.exit_code == preflight.UNREACHABLE
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("look", 0), ("missing", preflight.LACKING)])
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, status: Status, code: int) -> None:
    finding = Finding(check="c", needed="1", have="0", status=status, remedy="r")
    monkeypatch.setattr(account, "check_account", lambda *_: [finding])
    result = CliRunner().invoke(preflight.main, [str(ROOT / "Pulumi.prod.yaml")])
    assert result.exit_code == code


def test_a_team_stack_has_nothing_to_check() -> None:
    result = CliRunner().invoke(preflight.main, [str(ROOT / "Pulumi.prod-vision.yaml")])
    assert (result.exit_code, "no account to check" in result.output) == (0, True)


@pytest.mark.parametrize("name", ["Pulumi.dev.yaml", "Pulumi.nowhere.yaml"])
def test_a_file_that_does_not_fit_is_refused_without_asking_aws(name: str) -> None:
    result = CliRunner().invoke(preflight.main, [str(ROOT / name)])
    assert result.exit_code == preflight.BAD_FILE
    assert name in result.stderr
