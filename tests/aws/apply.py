"""Applies a graph to an AWS API, one resource after the other, in the order in which they were registered."""

from __future__ import annotations

import copy
import functools
import itertools
import json
from collections.abc import Callable
from typing import Any

import boto3
from botocore import validate, xform_name

from tests.aws.calls import ID, Call, Inputs, Row, parameters, unused
from tests.aws.table import TABLE, WITHOUT_CALL
from tests.unit.recorder import Graph, Registration


@functools.cache
def client(endpoint: str, region: str, service: str) -> Any:
    """A client for a local server. Kept, since a client reads the whole model of its service."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106
    )


class Applier:
    """Makes the resources of a graph, and puts what the API answers where the graph has the test engine's answers."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint, self._region = endpoint, region
        self._known: dict[str, str] = {}
        self._tokens = itertools.count()
        self.applied: list[str] = []
        self.only_validated: list[str] = []

    def client(self, service: str) -> Any:
        return client(self._endpoint, self._region, service)

    def apply(self, graph: Graph) -> None:
        for registration in graph.registrations:
            if registration.type.startswith("aws:"):
                self._apply_one(registration, registration.type.removeprefix("aws:"))

    def _apply_one(self, registration: Registration, kind: str) -> None:
        inputs = self._real(copy.deepcopy(registration.inputs))
        if kind in WITHOUT_CALL:
            self._empty_default_group(inputs["vpcId"])
            self.applied.append(registration.urn)
            return
        row = TABLE[kind]
        left = unused(row, inputs)
        assert not left, f"{registration.name}: no call carries {sorted(left)}"
        if row.lacking:
            self._validate(row.first, row, inputs)
            self.only_validated.append(registration.urn)
            return
        answer = self._call(row.first, row, inputs)
        identity = _at(answer, row.id) or inputs.get("name") or inputs.get("bucket") or registration.name
        self._known[f"{registration.name}-id"] = identity
        if row.arn:
            self._known[_engine_arn(registration)] = _at(answer, row.arn)
        for call in row.then:
            self._call(call, row, {**inputs, ID: identity})
        if kind == "eks/cluster:Cluster":
            self._cluster_group(inputs["vpcConfig"]["subnetIds"][0])
        if kind == "sqs/queue:Queue":
            self._known[f"https://sqs.example/{inputs['name']}"] = identity
            attributes = self.client("sqs").get_queue_attributes(QueueUrl=identity, AttributeNames=["QueueArn"])
            self._known[_engine_arn(registration)] = attributes["Attributes"]["QueueArn"]
        if kind == "cloudwatch/logGroup:LogGroup":
            groups = self.client("logs").describe_log_groups(logGroupNamePrefix=inputs["name"])["logGroups"]
            self._known[_engine_arn(registration)] = groups[0]["arn"]
        self.applied.append(registration.urn)

    def _call(self, call: Call, row: Row, inputs: Inputs) -> Inputs:
        arguments = self._validate(call, row, inputs)
        return getattr(self.client(call.service), call.operation)(**arguments)

    def _validate(self, call: Call, row: Row, inputs: Inputs) -> Inputs:
        """The parameters of a call, checked as botocore checks them before it sends anything."""
        service = self.client(call.service).meta.service_model
        operation = {xform_name(name): name for name in service.operation_names}[call.operation]
        shape = service.operation_model(operation).input_shape
        arguments = parameters(call, row, inputs, shape)
        # The SDKs make such tokens up themselves; botocore does it when it sends, which is after this check.
        for name, member in shape.members.items():
            if member.metadata.get("idempotencyToken"):
                arguments.setdefault(name, f"token-{next(self._tokens):032}")
        report = validate.ParamValidator().validate(arguments, shape)
        assert not report.has_errors(), f"{call.service}.{call.operation}: {report.generate_report()}"
        return arguments

    def _real(self, value: Any) -> Any:
        """The value with the engine's ids and ARNs replaced by those of the API, in JSON texts too."""
        if isinstance(value, dict):
            return {key: self._real(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._real(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if value in self._known:
            return self._known[value]
        if value.startswith(("{", "[")):
            return json.dumps(self._real(json.loads(value)))
        scheme, separator, rest = value.partition("://")
        return f"{scheme}://{self._known[rest]}" if separator and rest in self._known else value

    def _empty_default_group(self, vpc: str) -> None:
        ec2 = self.client("ec2")
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
        (group,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        revoke: dict[str, Callable[..., Any]] = {
            "IpPermissions": ec2.revoke_security_group_ingress,
            "IpPermissionsEgress": ec2.revoke_security_group_egress,
        }
        for key, call in revoke.items():
            if group[key]:
                call(GroupId=group["GroupId"], IpPermissions=group[key])

    def _cluster_group(self, subnet: str) -> None:
        """EKS makes a security group for the cluster and its nodes. moto does not: one stands in for it."""
        ec2 = self.client("ec2")
        (found,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
        group = ec2.create_security_group(
            GroupName="eks-cluster", Description="Stands in for the group that EKS makes", VpcId=found["VpcId"]
        )
        self._known["sg-cluster"] = group["GroupId"]


def _engine_arn(registration: Registration) -> str:
    service = registration.type.split(":")[1].split("/")[0]
    return f"arn:aws:{service}:eu-west-1:000000000000:{registration.name}"


def _at(answer: Any, path: str) -> Any:
    for key in path.split(".") if path else ():
        answer = answer[key]
    return answer if path else None
