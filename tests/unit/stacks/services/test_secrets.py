"""Secrets of a team in the program: objects, who reads them, and what happens without a value."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pulumi.runtime
import pytest
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key  # pyright: ignore[reportPrivateUsage]

from stacks.teams.secret_values import KEY
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import environment, team

VALUES = {"hub-token": "first", "registry-password": "second"}
SECRETS = [{"name": "hub", "keys": {"token": "hub-token"}}]
LOGINS = [{"registry": "ghcr.io", "username": "reader", "password": "registry-password"}]


@pytest.fixture
def values() -> Iterator[None]:
    pulumi.runtime.set_all_config({KEY: json.dumps(VALUES)}, [KEY])
    yield
    pulumi.runtime.set_all_config({})


def secret_of(value: Any) -> Any:
    """What a secret of Pulumi holds. It has to be one."""
    assert value[_special_sig_key] == _special_secret_sig
    return value["value"]


def reading(**keys: Any) -> dict[str, Any]:
    """An environment whose server and training read a Secret of the stack in each way, and one of others."""
    made = copy.deepcopy(team(secrets=SECRETS, **keys))
    for entry in (made["training"][0], made["serving"][0]):
        entry["envFrom"] = ["hub", "of-others"]
        entry["secretFiles"] = [{"secret": "hub", "path": "/secrets/hub"}]
    return environment(teams=[made])


def test_a_secret_has_the_values_of_the_config(values: None, deploy_afresh: Deploy) -> None:
    secret = deploy_afresh(reading()).graph.one("Secret")
    assert secret.inputs["metadata"]["name"] == "hub"
    assert secret.inputs["metadata"]["namespace"] == "demo"
    # As a secret of Pulumi, which its state keeps encrypted; and as text, which its log leaves out.
    assert secret_of(secret.inputs["stringData"]) == {"token": "first"}


def test_a_workload_reads_secrets_as_variables_and_files(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading()).graph
    # The training's own program, and the server's; the program that prepares data says its own.
    readers = [graph.one("Deployment"), *(job for job in graph.of_kind("Job") if "train" in job.name)]
    for found in readers[:1]:
        pod = found.inputs["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["envFrom"] == [{"secretRef": {"name": "hub"}}, {"secretRef": {"name": "of-others"}}]
        assert {"name": "secret-hub", "mountPath": "/secrets/hub", "readOnly": True} in container["volumeMounts"]
        assert {"name": "secret-hub", "secret": {"secretName": "hub", "defaultMode": 0o440}} in pod["volumes"]


def test_pods_of_servers_name_the_version_of_the_stack_s_own_secrets(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(reading()).graph
    secret, server = graph.one("Secret"), graph.one("Deployment")
    annotations = server.inputs["spec"]["template"]["metadata"]["annotations"]
    assert set(annotations) == {"secrets.ml-platform/hub"}
    assert "first" not in json.dumps(annotations)
    assert secret.urn in graph.before(server)
    # A new value is no new recipe.
    for job in graph.of_kind("Job"):
        assert "annotations" not in job.inputs["spec"]["template"]["metadata"]
        assert secret.urn in graph.before(job)


def test_service_accounts_pull_with_the_team_s_login(values: None, deploy_afresh: Deploy) -> None:
    graph = deploy_afresh(environment(teams=[team(imagePull=LOGINS)])).graph
    secret = graph.one("Secret")
    assert secret.inputs["type"] == "kubernetes.io/dockerconfigjson"
    document = json.loads(secret_of(secret.inputs["stringData"])[".dockerconfigjson"])
    assert document == {"auths": {"ghcr.io": {"username": "reader", "password": "second"}}}
    accounts = graph.of_kind("ServiceAccount")
    assert len(accounts) == 2
    assert all(account.inputs["imagePullSecrets"] == [{"name": "image-pull"}] for account in accounts)


def test_a_team_without_secrets_has_none(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment()).graph
    assert not graph.of_kind("Secret")
    assert all("imagePullSecrets" not in account.inputs for account in graph.of_kind("ServiceAccount"))


@pytest.mark.parametrize(
    ("config", "secret", "message"),
    [
        ({}, False, "needs the secret 'hub-token', which is not set; run: pulumi config set --secret"),
        ({KEY: json.dumps(VALUES)}, False, "is in plain text. Remove it"),
        ({KEY: json.dumps({"other": "x"})}, True, "needs the secret 'hub-token', which is not set"),
    ],
)
def test_without_an_encrypted_value_nothing_is_made(
    deploy_afresh: Deploy, config: dict[str, str], secret: bool, message: str
) -> None:
    pulumi.runtime.set_all_config(config, [KEY] if secret else [])
    try:
        with pytest.raises(pulumi.RunError) as raised:
            deploy_afresh(environment(teams=[team(secrets=SECRETS)]))
        assert message in str(raised.value)
        assert "first" not in str(raised.value)
    finally:
        pulumi.runtime.set_all_config({})
