"""Clusters, storage, teams and outputs of an environment."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from stacks import outputs
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import ROOT, SERVER, TRAINING, environment, team, volume
from tests.unit.stacks.test_training import name_of


def with_storage(**keys: Any) -> dict[str, Any]:
    """The small environment with other keys in its storage `models`."""
    return environment(storage=[volume("datasets"), volume("models", **keys)])


def test_outputs_have_the_shape_that_is_promised(deploy_environment: Deploy) -> None:
    result = deploy_environment(environment()).result
    assert set(result) == set(outputs.StackOutputs.__annotations__)
    assert result["cluster"] == {"name": "somewhere", "kind": "local", "server": SERVER}
    assert result["storage"]["models"] == {"kind": "volume", "size": "5Gi", "class": None}
    demo = result["teams"]["demo"]
    assert set(demo) == set(outputs.TeamOutput.__annotations__)
    training, serving = demo["training"]["digits"], demo["serving"]["digits"]
    assert set(training) == set(outputs.TrainingOutput.__annotations__) == {"namespace", "workload", "model"}
    assert set(training["model"]) == set(outputs.ModelOutput.__annotations__) == {"name", "version", "path"}
    assert training["workload"] == {"kind": "Job", "name": f"digits-train-{training['model']['version']}"}
    assert set(serving) == set(outputs.ServingOutput.__annotations__)
    assert {key: serving[key] for key in ("namespace", "workload", "service", "autoscaler")} == {
        "namespace": "demo",
        "workload": {"kind": "Deployment", "name": "digits"},
        "service": "digits",
        "autoscaler": "digits",
    }
    # The CLI shows them as JSON.
    assert json.loads(json.dumps(result)) == result


def test_the_class_of_a_claim(deploy_environment: Deploy) -> None:
    cluster = {"kind": "existing", "storageClass": "standard"}
    deployed = deploy_environment({**with_storage(storageClass="fast"), "cluster": cluster})
    classes = {
        name_of(claim): claim.inputs["spec"]["storageClassName"]
        for claim in deployed.graph.of_kind("PersistentVolumeClaim")
    }
    assert classes == {"datasets": "standard", "models": "fast"}
    assert {name: storage["class"] for name, storage in deployed.result["storage"].items()} == classes


def test_a_claim_without_a_class_takes_the_default_and_waits_for_no_pod(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_storage(accessMode="ReadWriteOnce")).graph
    claims = {name_of(claim): claim.inputs for claim in graph.of_kind("PersistentVolumeClaim")}
    assert claims["models"]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}},
    }
    assert all(claim["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true" for claim in claims.values())


@pytest.mark.proves("storage/volume", "data is kept where it is protected")
@pytest.mark.parametrize(
    ("kind", "reclaim", "protect", "retain"),
    [
        ("local", None, False, False),
        ("local", "Retain", False, True),
        ("existing", None, True, True),
        ("existing", "Retain", True, True),
        ("existing", "Delete", False, False),
    ],
)
def test_what_keeps_data_from_being_deleted(
    deploy_environment: Deploy, kind: str, reclaim: str | None, protect: bool, retain: bool
) -> None:
    said = {} if reclaim is None else {"reclaim": reclaim}
    storage = [volume("datasets", **said), volume("models", **said)]
    graph = deploy_environment(environment(cluster={"kind": kind}, storage=storage)).graph
    # A namespace that goes takes its claims along, so it is kept as they are.
    kept = [*graph.of_kind("PersistentVolumeClaim"), *graph.of_kind("Namespace")]
    assert len(kept) == 3
    assert {(found.protect, found.retain_on_delete) for found in kept} == {(protect, retain)}
    others = [found for found in graph.registrations if found not in kept]
    assert not [found.urn for found in others if found.protect or found.retain_on_delete]


def test_one_kept_storage_keeps_the_namespace(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_storage(reclaim="Retain")).graph
    kept = {name_of(found) for found in graph.registrations if found.retain_on_delete}
    assert kept == {"demo", "models"}


def test_a_team_has_claims_only_for_storage_that_it_uses(deploy_environment: Deploy) -> None:
    config = environment(teams=[team(training=[{**TRAINING, "data": "models"}])])
    assert [name_of(found) for found in deploy_environment(config).graph.of_kind("PersistentVolumeClaim")] == ["models"]


def test_a_namespace_enforces_restricted(deploy_environment: Deploy) -> None:
    labels = deploy_environment(environment()).graph.one("Namespace").labels
    for mode in ("enforce", "warn", "audit"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
        assert labels[f"pod-security.kubernetes.io/{mode}-version"] == "latest"


@pytest.mark.proves("teams", "quotas limit what a team asks for")
@pytest.mark.parametrize(
    ("quota", "hard"),
    [
        ({"cpu": "8"}, {"requests.cpu": "8"}),
        (
            {"cpu": "8", "memory": "32Gi", "gpus": 4, "pods": 20, "storage": "1Ti"},
            {
                "requests.cpu": "8",
                "requests.memory": "32Gi",
                "requests.nvidia.com/gpu": "4",
                "pods": "20",
                "requests.storage": "1Ti",
            },
        ),
        ({"gpus": 0}, {"requests.nvidia.com/gpu": "0"}),
    ],
)
def test_a_quota_limits_what_it_names(deploy_environment: Deploy, quota: dict[str, Any], hard: dict[str, str]) -> None:
    graph = deploy_environment(environment(teams=[team(quota=quota)])).graph
    assert graph.one("ResourceQuota").inputs["spec"] == {"hard": hard}


def test_what_a_quota_counts_waits_until_it_counts(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment(teams=[team(quota={"cpu": "8", "storage": "1Ti"})])).graph
    quota = graph.one("ResourceQuota").urn
    counted = [found for kind in ("PersistentVolumeClaim", "Job", "Deployment") for found in graph.of_kind(kind)]
    assert len(counted) == 5
    assert all(quota in graph.before(found) for found in counted)


def test_without_a_quota_there_is_none(deploy_environment: Deploy) -> None:
    assert not deploy_environment(environment()).graph.of_kind("ResourceQuota")


def test_roles_are_bound_to_the_groups_that_the_config_names(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment(teams=[team(owners=["leads"], viewers=["all", "audit"])])).graph
    assert sorted(name_of(role) for role in graph.of_kind("Role")) == ["developer", "owner", "viewer"]
    bound = {
        binding.inputs["roleRef"]["name"]: [subject["name"] for subject in binding.inputs["subjects"]]
        for binding in graph.of_kind("RoleBinding")
    }
    assert bound == {"owner": ["leads"], "viewer": ["all", "audit"]}
    kinds = {subject["kind"] for found in graph.of_kind("RoleBinding") for subject in found.inputs["subjects"]}
    assert kinds == {"Group"}


def test_traffic_is_denied_but_for_dns_and_requests_to_servers(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment()).graph
    policies = {name_of(found): found.inputs["spec"] for found in graph.of_kind("NetworkPolicy")}
    assert set(policies) == {"default-deny", "allow-dns", "allow-serving"}
    denied = policies["default-deny"]
    assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (egress,) = policies["allow-dns"]["egress"]
    assert {(port["protocol"], port["port"]) for port in egress["ports"]} == {("UDP", 53), ("TCP", 53)}
    (peer,) = egress["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
    allowed = policies["allow-serving"]
    assert allowed["policyTypes"] == ["Ingress"]
    assert allowed["ingress"] == [{"ports": [{"protocol": "TCP", "port": "http"}]}]
    server = graph.one("Deployment").inputs["spec"]["template"]
    assert allowed["podSelector"]["matchLabels"].items() <= server["metadata"]["labels"].items()
    for job in graph.of_kind("Job"):
        labels = job.inputs["spec"]["template"]["metadata"]["labels"]
        assert not allowed["podSelector"]["matchLabels"].items() <= labels.items()


def test_a_new_team_changes_nothing_of_the_others(deploy_environment: Deploy) -> None:
    before = deploy_environment(environment()).graph.by_urn()
    after = deploy_environment(environment(teams=[team("vision"), team()])).graph.by_urn()
    assert {urn: after[urn].inputs for urn in before} == {urn: found.inputs for urn, found in before.items()}
    assert all(after[urn].name.startswith("vision") for urn in set(after) - set(before))


def test_the_program_imports_no_heavy_part_of_the_sdk_and_not_the_embedded_cluster() -> None:
    program = "import sys, stacks.environment.build, stacks.loading; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = set(found.stdout.split())
    assert "pulumi_kubernetes" in modules
    # Loaded when the first object is made, and the AWS SDK only by the stacks that use it.
    assert not {"pulumi_kubernetes.core.v1", "pulumi_aws", "local"} & modules
