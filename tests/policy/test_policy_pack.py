"""The pack as the engine uses it: started by the language host's command, and asked over gRPC."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policy.rules import RULES
from policy.rules.model import Level, ResourceRule

PACK = Path(__file__).parents[2] / "policy"
URN = "urn:pulumi:dev::ml-platform::"
LEVELS = {Level.MANDATORY: proto.MANDATORY, Level.ADVISORY: proto.ADVISORY}
PRIVILEGED = {
    "metadata": {"name": "digits", "namespace": "demo", "labels": {"ml-platform/team": "demo"}},
    "spec": {"template": {"spec": {"hostPID": True, "containers": [{"name": "s"}]}}},
}


@contextlib.contextmanager
def started(folder: Path) -> Generator[AnalyzerStub]:
    """The pack in a process of its own, started from another folder as the language host does."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    with (
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stdout
            assert process.stderr
            port = process.stdout.readline().strip()
            assert port.isdigit(), process.stderr.read()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield AnalyzerStub(channel)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnalyzerStub]:
    with started(tmp_path_factory.mktemp("elsewhere")) as stub:
        yield stub


def struct(value: dict[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(value)
    return made


def request(kind: str, props: dict[str, Any]) -> proto.AnalyzeRequest:
    name = kind.rpartition(":")[2].lower()
    return proto.AnalyzeRequest(type=kind, urn=f"{URN}{kind}::{name}", name=name, properties=struct(props))


def test_the_engine_is_told_every_rule_with_its_level_and_remedy(pack: AnalyzerStub) -> None:
    info = pack.GetAnalyzerInfo(empty_pb2.Empty())
    told = {policy.name: policy for policy in info.policies}
    assert set(told) == {rule.name for rule in RULES}
    for rule in RULES:
        resource = isinstance(rule, ResourceRule)
        kind = proto.PolicyType.POLICY_TYPE_RESOURCE if resource else proto.PolicyType.POLICY_TYPE_STACK
        assert told[rule.name].enforcementLevel == LEVELS[rule.level]
        assert told[rule.name].remediation_steps == rule.remedy
        assert told[rule.name].policy_type == kind
        assert set(told[rule.name].configSchema.properties) == set(rule.settings)


def test_a_violating_resource_is_reported_with_object_fault_and_remedy(pack: AnalyzerStub) -> None:
    answer = pack.Analyze(request("kubernetes:apps/v1:Deployment", PRIVILEGED))
    (found,) = [d for d in answer.diagnostics if d.policyName == "no-privileged-pod"]
    assert found.enforcementLevel == proto.MANDATORY
    assert "Deployment demo/digits: hostPID is true. Remove it" in found.message


def test_a_value_that_is_not_known_yet_is_no_violation_and_no_complaint(pack: AnalyzerStub) -> None:
    props = {"vpcConfig": UNKNOWN_STRING_VALUE, "encryptionConfig": {"resources": ["secrets"]}}
    answer = pack.Analyze(request("aws:eks/cluster:Cluster", props))
    assert {d.policyName for d in answer.diagnostics} == {"eks-audit-log", "tags-complete"}


def test_a_stack_is_judged_as_a_whole(pack: AnalyzerStub) -> None:
    kinds = ("aws:s3/bucket:Bucket", "aws:s3/bucketVersioning:BucketVersioning")
    bucket, versioning = (
        proto.AnalyzerResource(type=kind, urn=f"{URN}{kind}::models", name="models", properties=struct(props))
        for kind, props in zip(
            kinds,
            ({}, {"bucket": UNKNOWN_STRING_VALUE, "versioningConfiguration": {"status": "Enabled"}}),
            strict=True,
        )
    )
    versioning.propertyDependencies["bucket"].urns.append(bucket.urn)
    answer = pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[bucket, versioning]))
    assert {d.policyName for d in answer.diagnostics} == {
        "bucket-encrypted",
        "bucket-private",
        "bucket-tls-only",
    }
    assert {d.urn for d in answer.diagnostics} == {bucket.urn}


def test_configuration_changes_lists_and_levels(tmp_path: Path) -> None:
    change = proto.ConfigureAnalyzerRequest()
    change.policyConfig["no-privileged-pod"].enforcementLevel = proto.MANDATORY
    change.policyConfig["no-privileged-pod"].properties.update({"namespaces": ["demo"]})
    change.policyConfig["pod-restricted"].enforcementLevel = proto.DISABLED
    deployment = request("kubernetes:apps/v1:Deployment", PRIVILEGED)
    whole = proto.AnalyzerResource(
        type=deployment.type, urn=deployment.urn, name=deployment.name, properties=deployment.properties
    )
    with started(tmp_path) as pack:
        before = pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[whole]))
        pack.Configure(change)
        assert "no-privileged-pod" not in {d.policyName for d in pack.Analyze(deployment).diagnostics}
        after = pack.AnalyzeStack(proto.AnalyzeStackRequest(resources=[whole]))
    assert {d.policyName for d in before.diagnostics} - {d.policyName for d in after.diagnostics} == {"pod-restricted"}


def test_production_configuration_names_rules_that_exist() -> None:
    import json

    config = json.loads((PACK / "config" / "prod.json").read_text())
    assert set(config) <= {rule.name for rule in RULES}
    assert set(config.values()) <= {"mandatory", "advisory", "disabled"}
