"""External Secrets in the program: the operator, each team's store and Secrets, who reads them, the roles on AWS."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
import pytest
import yaml

from components import catalog
from components.aws.secret_store import controller_environment, secret_store
from components.external_secrets.operator import chart_values
from components.external_secrets.rotation.program import MARK
from components.external_secrets.team import (
    DEFAULTS,
    EntryKey,
    SyncedSecret,
    TeamExternalSecretsArgs,
    secret_spec,
)
from components.labels import Owner
from components.platform.sources import Sources
from components.teams import access
from local.mirror import helm
from local.paths import mirror_folder
from local.toolchain import building
from local.toolchain.tools import PULUMI_PROVIDER
from stacks.environment.config import Environment
from stacks.environment.installed import installed
from stacks.teams.secret_values import KEY
from tests.sound import sound
from tests.unit.aws.engine import deployed, stack_file
from tests.unit.pod_security import violations
from tests.unit.recorder import Graph, Registration
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import environment, team
from tests.unit.stacks.services.test_secrets import secret_of

SECTION = {"region": "eu-west-1", "credentials": {"accessKeyId": "aws-id", "secretAccessKey": "aws-key"}}
HUB = {"name": "hub", "kind": "aws", "keys": {"token": {"entry": "dev/teams/demo/hub"}}}
OWN = {"name": "own", "keys": {"token": "hub-token"}}
VALUES = {
    "aws-id": "AKIDEXAMPLE",
    "aws-key": "the-key-of-all",
    "red-id": "AKIDRED",
    "red-key": "the-key-of-red",
    "hub-token": "x",
}


@pytest.fixture
def values() -> Iterator[None]:
    pulumi.runtime.set_all_config({KEY: json.dumps(VALUES)}, [KEY])
    yield
    pulumi.runtime.set_all_config({})


def reading(*secrets: dict[str, Any], **section: Any) -> dict[str, Any]:
    """An environment whose server and training read every Secret of the team."""
    made = copy.deepcopy(team(secrets=list(secrets)))
    for entry in (made["training"][0], made["serving"][0]):
        entry["envFrom"] = [secret["name"] for secret in secrets]
    return environment(externalSecrets={**SECTION, **section}, teams=[made])


def of_team(graph: Graph, kind: str, namespace: str = "demo") -> Registration:
    (found,) = [found for found in graph.of_kind(kind) if found.inputs["metadata"].get("namespace") == namespace]
    return found


# -- a team's store and Secrets ---------------------------------------------------------------------------------


def test_a_store_reads_with_the_team_s_key(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading(HUB)).graph
    store, key = graph.one("SecretStore"), graph.one("Secret")
    assert store.type == "kubernetes:external-secrets.io/v1:SecretStore"
    assert store.inputs["metadata"]["namespace"] == key.inputs["metadata"]["namespace"] == "demo"
    assert secret_of(key.inputs["stringData"]) == {"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "the-key-of-all"}
    aws = store.inputs["spec"]["provider"]["aws"]
    assert aws == {
        "service": "SecretsManager",
        "region": "eu-west-1",
        "auth": {
            "secretRef": {
                "accessKeyIDSecretRef": {"name": key.inputs["metadata"]["name"], "key": "accessKeyId"},
                "secretAccessKeySecretRef": {"name": key.inputs["metadata"]["name"], "key": "secretAccessKey"},
            }
        },
    }
    assert key.urn in graph.before(store)


def test_a_team_s_own_key_goes_before_that_of_all(values: None, deploy_afresh: Deploy) -> None:
    red = {"name": "red", "awsCredentials": {"accessKeyId": "red-id", "secretAccessKey": "red-key"}, "secrets": [HUB]}
    graph = deploy_afresh(environment(externalSecrets=SECTION, teams=[red, {"name": "blue", "secrets": [HUB]}])).graph
    keys = {
        found.inputs["metadata"]["namespace"]: secret_of(found.inputs["stringData"])["secretAccessKey"]
        for found in graph.of_kind("Secret")
    }
    # Each namespace has the key of its own team, and no other.
    assert keys == {"red": "the-key-of-red", "blue": "the-key-of-all"}
    assert {found.inputs["metadata"]["namespace"] for found in graph.of_kind("SecretStore")} == {"red", "blue"}


def test_an_external_secret_says_where_each_key_is(values: None, deploy_afresh: Deploy) -> None:
    entry = "dev/teams/demo/db"
    keys = {"user": {"entry": entry, "property": "username"}, "old": {"entry": entry, "version": "AWSPREVIOUS"}}
    graph = deploy_afresh(reading({"name": "db", "kind": "aws", "keys": keys, "refresh": "30s"})).graph
    found = graph.one("ExternalSecret")
    spec, labels = found.inputs["spec"], found.labels
    assert found.type == "kubernetes:external-secrets.io/v1:ExternalSecret"
    assert spec["refreshInterval"] == "30s"
    assert spec["data"] == [
        {"secretKey": "old", "remoteRef": {**DEFAULTS, "key": entry, "version": "AWSPREVIOUS"}},
        {"secretKey": "user", "remoteRef": {**DEFAULTS, "key": entry, "property": "username"}},
    ]
    assert spec["target"] == {
        "name": "db",
        "creationPolicy": "Owner",
        "deletionPolicy": "Retain",
        "template": {"metadata": {"labels": labels}},
    }
    assert labels["ml-platform/team"] == "demo"


def test_what_reads_a_secret_waits_until_it_is_there(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading(HUB, OWN)).graph
    external, store = graph.one("ExternalSecret"), graph.one("SecretStore")
    for found in (external, store):
        assert found.inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}
    (release,) = graph.of_kind("Release")
    assert {store.urn, release.urn} <= graph.before(external)
    for found in (graph.one("Deployment", "demo-serving-digits-deployment"), *graph.of_kind("Job")):
        assert external.urn in graph.before(found)


def test_no_value_of_an_entry_is_anywhere_in_the_program(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading(HUB)).graph
    for found in graph.registrations:
        if found.kind != "Secret":
            assert "the-key-of-all" not in json.dumps(found.inputs, default=str), found.urn


def test_the_refresh_of_the_section_is_that_of_secrets_without_one(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading(HUB, refresh="10m")).graph
    assert graph.one("ExternalSecret").inputs["spec"]["refreshInterval"] == "600s"


def test_a_store_has_one_identity() -> None:
    with pytest.raises(ValueError, match="a role or an access key"):
        secret_store("s", "eu-west-1")


def test_a_role_is_taken_on_by_its_name() -> None:
    store = secret_store("s", "eu-west-1", role="arn:role")
    args = TeamExternalSecretsArgs(owner=Owner(team="a"), namespace="a", store=store, secrets=[])
    aws = {"service": "SecretsManager", "region": "eu-west-1", "role": "arn:role"}
    assert store.provider == {"aws": aws}
    assert store.access_key is None
    secret = SyncedSecret(name="hub", keys={"token": EntryKey(entry="a/b")}, refresh_seconds=60)
    assert secret_spec(args, secret)["secretStoreRef"] == {"kind": "SecretStore", "name": "s"}


# -- servers ----------------------------------------------------------------------------------------------------


def test_a_server_names_the_secrets_that_change_outside_of_the_stack(values: None, deploy_afresh: Deploy) -> None:
    db = {"name": "db", "kind": "aws", "keys": {"password": {"entry": "dev/teams/demo/db"}}}
    graph = deploy_afresh(reading(HUB, OWN, db)).graph
    server = graph.one("Deployment", "demo-serving-digits-deployment")
    assert server.inputs["metadata"]["annotations"] == {MARK: "db,hub"}
    assert server.labels[MARK] == "secrets"
    # The stack's own keep their way: the version in the pods.
    assert set(server.inputs["spec"]["template"]["metadata"]["annotations"]) == {"secrets.ml-platform/own"}
    for job in graph.of_kind("Job"):
        assert MARK not in job.labels
        assert MARK not in job.inputs["metadata"].get("annotations", {})


def test_a_server_without_such_secrets_is_as_it_was(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading(OWN)).graph
    server = graph.one("Deployment", "demo-serving-digits-deployment")
    assert MARK not in server.labels
    assert "annotations" not in server.inputs["metadata"]
    assert not graph.of_kind("SecretStore")


def test_who_rolls_servers_may_do_so_where_it_is_let_and_read_no_other_secret(
    values: None, deploy_afresh: Deploy
) -> None:
    graph = deploy_afresh(reading(HUB, OWN)).graph
    role = graph.one("Role", "demo-external-secrets-rotation")
    assert role.inputs["metadata"]["namespace"] == "demo"
    assert role.inputs["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["hub"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "patch"]},
    ]
    binding = graph.one("RoleBinding", "demo-external-secrets-rotation-binding")
    account = {"kind": "ServiceAccount", "name": "secret-rotation", "namespace": "secret-rotation"}
    assert binding.inputs["subjects"] == [account]
    # And nothing of the whole cluster.
    assert not [found for found in graph.of_kind("ClusterRoleBinding") if account in found.inputs["subjects"]]


def test_the_pod_that_rolls_servers_passes_restricted(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading(HUB, rotationImage="registry.example/python:3.11")).graph
    found = graph.one("Deployment", "secret-rotation-deployment")
    pod = found.inputs["spec"]["template"]["spec"]
    assert violations(pod) == []
    (main,) = pod["containers"]
    assert main["image"] == "registry.example/python:3.11"
    assert {"name": "NAMESPACES", "value": "demo"} in main["env"]
    program = graph.one("ConfigMap", "secret-rotation-program")
    assert pod["volumes"][1] == {"name": "program", "configMap": {"name": program.inputs["metadata"]["name"]}}
    assert main["command"][-1] == f"/program/{next(iter(program.inputs['data']))}"


def test_nothing_rolls_servers_where_no_team_has_such_secrets(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading(OWN)).graph
    assert not [found for found in graph.of_kind("Namespace") if found.inputs["metadata"]["name"] == "secret-rotation"]
    assert graph.one("Release").inputs["name"] == "external-secrets"


# -- the operator -----------------------------------------------------------------------------------------------


def test_it_is_there_only_where_the_section_is(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment()).graph
    assert not graph.of_kind("Release")
    with_section = sound(Environment, environment(externalSecrets=SECTION))
    assert installed(with_section) == {"external-secrets", "external-secrets-crds"}


def test_a_drain_comes_first_when_it_goes(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading(HUB)).graph
    (drain,) = graph.of_kind("Drain")
    assert drain.name == "external-secrets-drain"
    assert (drain.inputs["namespace"], drain.inputs["groups"]) == ("external-secrets", ["external-secrets.io"])
    assert {graph.one("Release").urn, graph.one("Namespace", "demo-namespace").urn} <= graph.before(drain)


def test_images_are_those_of_the_catalog_behind_the_mirror() -> None:
    values = chart_values(Sources(images="mirror.example"), {})
    (reference,) = catalog.load().chart("external-secrets").images
    for part in (values, values["webhook"], values["certController"]):
        assert f"{part['image']['repository']}:{part['image']['tag']}" == f"mirror.example/{reference}"


def test_another_endpoint_is_an_environment_variable() -> None:
    assert "extraEnv" not in chart_values(Sources(), controller_environment(None))
    variable = {"name": "AWS_SECRETSMANAGER_ENDPOINT", "value": "http://10.0.0.5:5000"}
    assert chart_values(Sources(), controller_environment("http://10.0.0.5:5000"))["extraEnv"] == [variable]


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    """The chart's objects, where this machine has the chart and the program that renders it."""
    programs = building.built(PULUMI_PROVIDER)
    version = catalog.load().chart("external-secrets").version
    archive = mirror_folder() / "charts" / f"external-secrets-{version}.tgz"
    if not archive.exists() or programs is None:
        pytest.skip("the chart, or Pulumi's provider, which renders it, is not on this machine: `make mirror`")
    (provider,) = programs.values()
    return [dict(found) for found in helm.render(provider, archive, chart_values(Sources(), {}))]


def test_pods_of_the_chart_pass_restricted_and_have_limits(rendered: list[dict[str, Any]]) -> None:
    deployments = [found for found in rendered if found["kind"] == "Deployment"]
    assert len(deployments) == 3
    for found in deployments:
        pod = found["spec"]["template"]["spec"]
        assert violations(pod) == []
        assert found["spec"]["replicas"] == 1
        assert all({"requests", "limits"} <= set(one["resources"]) for one in pod["containers"])


def test_the_controller_has_rights_to_what_it_serves_only(rendered: list[dict[str, Any]]) -> None:
    (role,) = [
        found
        for found in rendered
        if found["kind"] == "ClusterRole" and found["metadata"]["name"] == "external-secrets-controller"
    ]
    resources = {
        resource.partition("/")[0]
        for rule in role["rules"]
        if rule["apiGroups"] == ["external-secrets.io"]
        for resource in rule["resources"]
    }
    assert resources == {"externalsecrets", "secretstores"}
    (controller,) = [found for found in rendered if found["metadata"]["name"] == "external-secrets" and "spec" in found]
    arguments = controller["spec"]["template"]["spec"]["containers"][0]["args"]
    assert {
        "--enable-cluster-store-reconciler=false",
        "--enable-cluster-external-secret-reconciler=false",
        "--enable-push-secret-reconciler=false",
    } <= set(arguments)
    aggregated = ("aggregate-to-view", "aggregate-to-edit")
    assert not [found for found in rendered if any(f"authorization.k8s.io/{one}" in str(found) for one in aggregated)]


def test_its_service_account_is_the_one_that_the_role_on_aws_is_for(rendered: list[dict[str, Any]]) -> None:
    accounts = [found["metadata"]["name"] for found in rendered if found["kind"] == "ServiceAccount"]
    (association,) = associations()
    assert association.inputs["serviceAccount"] in accounts
    assert association.inputs["namespace"] == "external-secrets"


@pytest.mark.parametrize("role", access.ROLES)
def test_no_member_of_a_team_has_a_right_on_its_kinds(role: access.Role) -> None:
    groups = {grant.group for grant in access.GRANTS[role]}
    assert not [group for group in groups if group.endswith("external-secrets.io")]


# -- on AWS -----------------------------------------------------------------------------------------------------


def associations() -> list[Registration]:
    return [
        found
        for found in deployed("prod").graph.registrations
        if found.type == "aws:eks/podIdentityAssociation:PodIdentityAssociation"
        and found.inputs["namespace"] == "external-secrets"
    ]


def named(name: str) -> Registration:
    (found,) = [found for found in deployed("prod").graph.registrations if found.name == name]
    return found


def statements(name: str, key: str) -> list[dict[str, Any]]:
    return json.loads(named(name).inputs[key])["Statement"]


def test_the_controller_may_only_take_on_the_teams_reading_roles() -> None:
    (association,) = associations()
    assert association.inputs["serviceAccount"] == "external-secrets"
    (only,) = statements("aws-external-secrets-policy", "policy")
    assert sorted(only["Action"]) == ["sts:AssumeRole", "sts:TagSession"]
    assert only["Resource"] == "arn:aws:iam::444455556666:role/ml-prod-read-*"
    # No other role is called so, and a reading role is.
    roles = [
        found.inputs["name"]
        for found in deployed("prod").graph.registrations
        if found.kind == "Role" and found.type.startswith("aws:")
    ]
    assert [name for name in roles if name.startswith("ml-prod-read-")] == ["ml-prod-read-vision"]


def test_a_team_without_such_secrets_has_no_reading_role() -> None:
    assert not [found for found in deployed("prod").graph.registrations if found.name == "aws-ranking-reader"]


def test_a_reading_role_trusts_the_controller_alone() -> None:
    (trust,) = statements("aws-vision-reader", "assumeRolePolicy")
    # The engine's answer for the ARN of the controller's role.
    assert trust["Principal"]["AWS"].endswith("aws-external-secrets-role")
    assert sorted(trust["Action"]) == ["sts:AssumeRole", "sts:TagSession"]


def test_a_reading_role_is_of_its_team() -> None:
    (reading, decrypting) = statements("aws-vision-reader-policy", "policy")
    assert sorted(reading["Action"]) == ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    place = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:ml-prod/teams/vision/*"
    assert reading["Resource"] == place
    assert decrypting["Action"] == ["kms:Decrypt"]
    assert decrypting["Resource"].endswith("aws-vision-key-key")


def test_a_store_on_aws_has_its_team_s_role_and_no_key() -> None:
    graph = deployed("prod").graph
    aws = of_team(graph, "SecretStore", "vision").inputs["spec"]["provider"]["aws"]
    assert aws["role"].endswith("aws-vision-reader")
    assert "auth" not in aws
    assert aws["region"] == "eu-west-1"
    secrets = [found for found in graph.objects() if found.kind == "Secret"]
    assert not [found for found in secrets if found.inputs["metadata"]["namespace"] == "vision"]


def test_a_server_of_a_team_stack_names_the_secrets_that_others_make() -> None:
    server = deployed("prod-vision").graph.one("Deployment")
    assert server.inputs["metadata"]["annotations"] == {MARK: "labelling"}
    secrets = stack_file("prod")["ml-platform:environment"]["teams"][0]["secrets"]
    assert [secret["name"] for secret in secrets] == ["labelling"]


def test_the_kinds_are_served_by_the_version_of_the_catalog() -> None:
    version = catalog.load().manifest("external-secrets-crds").version
    file: Path = mirror_folder() / "manifests" / f"external-secrets-crds-{version}.yaml"
    if not file.exists():
        pytest.skip("the definitions are not on this machine: `make mirror ENTRIES=external-secrets-crds`")
    served = {
        (found["spec"]["names"]["kind"], one["name"])
        for found in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        if found
        for one in found["spec"]["versions"]
        if one["served"]
    }
    assert {("SecretStore", "v1"), ("ExternalSecret", "v1")} <= served


def test_what_an_external_secret_says_is_what_the_api_server_would_fill_in() -> None:
    version = catalog.load().manifest("external-secrets-crds").version
    file = mirror_folder() / "manifests" / f"external-secrets-crds-{version}.yaml"
    if not file.exists():
        pytest.skip("the definitions are not on this machine: `make mirror ENTRIES=external-secrets-crds`")
    definitions = [found for found in yaml.safe_load_all(file.read_text(encoding="utf-8")) if found]
    (definition,) = [found for found in definitions if found["spec"]["names"]["kind"] == "ExternalSecret"]
    (schema,) = [one["schema"] for one in definition["spec"]["versions"] if one["name"] == "v1"]
    spec = schema["openAPIV3Schema"]["properties"]["spec"]["properties"]
    reference = spec["data"]["items"]["properties"]["remoteRef"]["properties"]
    assert {name: field["default"] for name, field in reference.items() if "default" in field} == DEFAULTS
