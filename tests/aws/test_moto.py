"""The graph, applied to an AWS API that others wrote: moto's server, on loopback, through boto3.

What botocore's model of the API or moto refuses fails here: unknown parameters, missing ones, wrong types, ids of
things that are not there, names that are taken, subnets outside their VPC, policies of AWS that do not exist. What it
does not show is in docs/aws.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from moto.server import ThreadedMotoServer

from tests.aws.apply import Applier
from tests.aws.table import TABLE, WITHOUT_CALL
from tests.unit.aws.engine import ENVIRONMENTS, deployed
from tests.unit.recorder import Graph

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The URL of a moto server."""
    with pytest.MonkeyPatch.context() as patched:
        # With them, a policy of AWS that is attached has to exist.
        patched.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patched.delenv(name)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def applied(request: pytest.FixtureRequest, endpoint: str) -> Applier:
    urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()  # noqa: S310
    applier = Applier(endpoint, REGION)
    applier.apply(deployed(request.param).graph)
    return applier


@pytest.mark.proves("aws", "AWS's API takes every resource")
def test_the_api_takes_every_resource_or_its_model_does(applied: Applier) -> None:
    environments = [deployed(stack).graph for stack in ENVIRONMENTS]
    counts = [sum(r.type.startswith("aws:") for r in graph.registrations) for graph in environments]
    assert len(applied.applied) + len(applied.only_validated) in counts
    # Most of the graph is made, not only looked at.
    assert len(applied.applied) > 3 * len(applied.only_validated)


def test_what_was_made_is_there(applied: Applier) -> None:
    ec2, s3, iam = applied.client("ec2"), applied.client("s3"), applied.client("iam")
    names = {tag["Value"] for vpc in ec2.describe_vpcs()["Vpcs"] for tag in vpc.get("Tags", [])}
    assert names & {"ml-prod", "ml-staging"}
    for bucket in s3.list_buckets()["Buckets"]:
        blocked = s3.get_public_access_block(Bucket=bucket["Name"])["PublicAccessBlockConfiguration"]
        assert all(blocked.values())
        assert s3.get_bucket_policy(Bucket=bucket["Name"])["Policy"]
    roles = iam.list_roles()["Roles"]
    assert len(roles) > 8
    (cluster,) = applied.client("eks").list_clusters()["clusters"]
    groups = applied.client("eks").list_nodegroups(clusterName=cluster)["nodegroups"]
    assert "system" in groups


def test_every_type_of_the_graph_is_in_the_table_and_the_table_has_no_other() -> None:
    types = {
        r.type.removeprefix("aws:")
        for stack in ENVIRONMENTS
        for r in deployed(stack).graph.registrations
        if r.type.startswith("aws:")
    }
    assert types == set(TABLE) | set(WITHOUT_CALL)


@pytest.mark.parametrize("kind", [kind for kind, row in TABLE.items() if "moto has no" in row.lacking])
def test_what_is_said_to_be_lacking_is_lacking(kind: str, endpoint: str) -> None:
    call = TABLE[kind].first
    client = boto3.client(
        call.service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106
        config=Config(parameter_validation=False, retries={"max_attempts": 0}),
    )
    # What moto has not, its server answers with "not found", or with a page that is no answer of the API.
    with pytest.raises((ClientError, ResponseParserError)) as refused:
        getattr(client, call.operation)(**dict.fromkeys(_uri_members(client, call.operation), "x"))
    if isinstance(refused.value, ClientError):
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 405, 500, 501)


NETWORK = ("ec2/vpc:Vpc", "ec2/subnet:Subnet")
ROLES = ("iam/role:Role", "iam/rolePolicyAttachment:RolePolicyAttachment")


@pytest.mark.parametrize(
    ("name", "needs", "change", "error"),
    [
        ("network-private-eu-west-1a", NETWORK, {"cidrBlock": "10.99.0.0/18"}, "InvalidSubnet.Range"),
        ("network-intra-eu-west-1a", NETWORK, {"cidrBlock": "10.40.0.0/18"}, "InvalidSubnet.Conflict"),
        ("network-private-eu-west-1a", NETWORK, {"availabilityZone": "eu-west-1z"}, "InvalidParameterValue"),
        ("network-private-eu-west-1a", NETWORK, {"cidr": "10.40.0.0/18"}, "the API has no 'cidr'"),
        ("eks-AmazonEKSClusterPolicy", ROLES, {"policyArn": "arn:aws:iam::aws:policy/AmazonEKS"}, "NoSuchEntity"),
        ("eks-control-plane", (), {"roleArn": 7}, "Invalid type for parameter roleArn"),
        ("eks-control-plane", (), {"vpcConfig": {"subnets": []}}, "the API has no 'subnets'"),
    ],
)
def test_a_wrong_graph_is_refused(
    name: str, needs: tuple[str, ...], change: dict[str, Any], error: str, endpoint: str
) -> None:
    graph = Graph()
    for registration in deployed("staging").graph.registrations:
        if registration.name == name:
            inputs = {**registration.inputs, **change}
            graph.registrations.append(replace(registration, inputs=inputs))
            break
        if registration.type.removeprefix("aws:") in needs:
            graph.registrations.append(registration)
    with pytest.raises((ClientError, AssertionError, KeyError), match=error):
        Applier(endpoint, REGION).apply(graph)


def _uri_members(client: object, operation: str) -> list[str]:
    """Parameters that are part of the URL, without which no request can be made."""
    meta = client.meta  # type: ignore[attr-defined]
    shape = meta.service_model.operation_model(meta.method_to_api_mapping[operation]).input_shape
    return [name for name, member in shape.members.items() if member.serialization.get("location") == "uri"]
