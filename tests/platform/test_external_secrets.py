"""Secrets from AWS Secrets Manager on a real API server, with the real operator, and servers that follow a rotation.

Secrets Manager is moto's server, on the machine's side of the node's bridge: the protocol is the real one, but it
grants everybody everything. That a team's identity reads no other team's entries is AWS's to enforce: here is seen that
each team's store has its own, and in the unit tests what the policies say.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from components.external_secrets.rotation.program import MANAGER, MARK
from local import container_images
from local.mirror import making
from local.mirror.entries import images_of
from local.progress import Steps
from tests.embedded import EmbeddedCluster, wait_for
from tests.platform.test_secrets import forms_of, kept_by_cluster, kept_by_pulumi

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

ENTRIES = ("external-secrets", "external-secrets-crds")
REGION = "eu-west-1"
# A team with a server of its own, and another one.
TEAM, OTHER = "vision", "bucket-b"
SERVER = "app.kubernetes.io/name=digits,app.kubernetes.io/component=serving"
NOTE = "secrets.ml-platform/hub"
ACCOUNT = "system:serviceaccount:secret-rotation:secret-rotation"


def entry(team: str) -> str:
    return f"test/teams/{team}/hub"


@dataclass
class Manager:
    """Secrets Manager: what it holds, and every value that it ever held."""

    address: str
    client: Any
    values: list[str] = field(default_factory=list[str])

    def put(self, team: str) -> str:
        """A new random value into the team's entry, as one property of it. Returns the value."""
        value = f"canary{secrets.token_hex(12)}"
        self.values.append(value)
        text = json.dumps({"token": value, "note": "read by nobody"})
        try:
            self.client.put_secret_value(SecretId=entry(team), SecretString=text)
        except self.client.exceptions.ResourceNotFoundException:
            self.client.create_secret(Name=entry(team), SecretString=text)
        return value


@pytest.fixture(scope="module")
def manager(platform: EmbeddedCluster) -> Iterator[Manager]:
    server = ThreadedMotoServer(ip_address=platform.node.addresses.host, port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        client = boto3.client(
            "secretsmanager",
            region_name=REGION,
            endpoint_url=address,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="example",  # noqa: S106
        )
        yield Manager(address=address, client=client)
        client.close()
    finally:
        server.stop()


@dataclass
class Synced:
    """The platform's stack with External Secrets. `said` is what Pulumi said meanwhile, `first` vision's value."""

    cluster: EmbeddedCluster
    manager: Manager
    first: str
    keys: dict[str, str]
    said: list[str] = field(default_factory=list[str])

    def deployment(self) -> Any:
        return self.cluster.get("deployment", "digits", "-n", TEAM, "--show-managed-fields")

    def secret(self) -> Any:
        return self.cluster.get("secret", "hub", "-n", TEAM)

    def value(self) -> str:
        return base64.b64decode(self.secret()["data"]["HUB_TOKEN"]).decode()

    def in_server(self) -> str:
        """The value in a pod of the server that is not about to end, as the program sees it."""
        pods = self.cluster.get("pods", "-n", TEAM, "-l", SERVER)["items"]
        name = next(pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"])
        return self.cluster.kubectl("exec", "-n", TEAM, name, "--", "printenv", "HUB_TOKEN").stdout.strip()

    def await_note(self) -> None:
        """Until the server is known to have read what the Secret is now, in every one of its pods."""

        def noted() -> bool:
            annotations = self.deployment()["metadata"].get("annotations", {})
            return annotations.get(NOTE) == self.secret()["metadata"]["resourceVersion"]

        def rolled() -> bool:
            found = self.deployment()
            status, wanted = found["status"], found["spec"]["replicas"]
            counts = {status.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")}
            return status["observedGeneration"] == found["metadata"]["generation"] and counts == {wanted}

        wait_for("the Secret's version on the Deployment", noted, 120)
        wait_for("all pods of the server to be new ones", rolled, 240)


@pytest.fixture(scope="module")
def synced(platform: EmbeddedCluster, manager: Manager) -> Iterator[Synced]:
    def add(environment: Any) -> None:
        environment["externalSecrets"] = {
            "region": REGION,
            "endpoint": manager.address,
            "credentials": {"accessKeyId": "all-id", "secretAccessKey": "all-key"},
            "refresh": "5s",
        }
        teams = {team["name"]: team for team in environment["teams"]}
        for name in (TEAM, OTHER):
            keys = {"HUB_TOKEN": {"entry": entry(name), "property": "token"}}
            teams[name]["secrets"] = [{"name": "hub", "kind": "aws", "keys": keys}]
        teams[TEAM]["awsCredentials"] = {"accessKeyId": "vision-id", "secretAccessKey": "vision-key"}
        (server,) = teams[TEAM]["serving"]
        server["envFrom"] = ["hub"]

    with Steps() as steps:
        making.build(ENTRIES, steps)
        container_images.import_into(platform.node, steps, images_of(ENTRIES))
    first = manager.put(TEAM)
    manager.put(OTHER)
    original = platform.pulumi.stack_file.read_text()
    keys = {name: f"canary{secrets.token_hex(12)}" for name in ("all-key", "vision-key")}
    try:
        with platform.changed_config(add):
            for name, value in {**keys, "all-id": "AKIDALL", "vision-id": "AKIDVISION"}.items():
                platform.set_secret(name, value)
            found = Synced(cluster=platform, manager=manager, first=first, keys=keys)
            done = platform.up()
            found.said.append(done.stdout + done.stderr)
            found.await_note()
            yield found
    finally:
        platform.pulumi.stack_file.write_text(original)
        platform.up()


@pytest.mark.proves("external-secrets", "an entry of Secrets Manager becomes a Secret", by="real run")
def test_an_entry_becomes_a_secret(synced: Synced) -> None:
    secret = synced.secret()
    assert synced.value() == synced.first
    # The property that is asked for, and nothing else that the entry holds.
    assert set(secret["data"]) == {"HUB_TOKEN"}
    assert secret["metadata"]["labels"]["ml-platform/team"] == TEAM
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("ExternalSecret", "hub")


@pytest.mark.proves("external-secrets", "an entry of Secrets Manager becomes a Secret", by="real run")
def test_a_server_reads_it_as_a_variable(synced: Synced) -> None:
    assert synced.in_server() == synced.first
    assert synced.deployment()["metadata"]["annotations"][MARK] == "hub"


def test_each_store_has_its_own_team_s_key(synced: Synced) -> None:
    for team, name in ((TEAM, "vision-key"), (OTHER, "all-key")):
        (store,) = synced.cluster.get("secretstores.external-secrets.io", "-n", team)["items"]
        reference = store["spec"]["provider"]["aws"]["auth"]["secretRef"]["secretAccessKeySecretRef"]
        assert "namespace" not in reference
        key = synced.cluster.get("secret", reference["name"], "-n", team)
        assert base64.b64decode(key["data"][reference["key"]]).decode() == synced.keys[name]
    assert not synced.cluster.get("clustersecretstores.external-secrets.io")["items"]


def test_members_of_a_team_cannot_say_what_is_read(synced: Synced) -> None:
    for group in ("vision-leads", "vision-engineers", "vision-readers"):
        for kind in ("externalsecrets", "secretstores", "pushsecrets", "clustersecretstores"):
            for verb in ("get", "create", "patch"):
                question = ("auth", "can-i", verb, f"{kind}.external-secrets.io", "-n", TEAM)
                answer = synced.cluster.kubectl(*question, "--as=somebody", f"--as-group={group}", ok=False)
                assert answer.stdout.strip() == "no", (group, verb, kind)


def test_who_rolls_servers_reads_no_secret_but_those_that_it_follows(synced: Synced) -> None:
    def may(*question: str) -> bool:
        return synced.cluster.kubectl("auth", "can-i", *question, f"--as={ACCOUNT}", ok=False).stdout.strip() == "yes"

    assert may("get", "secrets/hub", "-n", TEAM)
    assert may("patch", "deployments.apps", "-n", TEAM)
    assert not may("get", "secrets/secrets-manager", "-n", TEAM)
    assert not may("list", "secrets", "-n", TEAM)
    assert not may("patch", "deployments.apps", "-n", "bucket-a")
    assert not may("list", "deployments.apps", "--all-namespaces")


@pytest.mark.proves("external-secrets", "a rotation rolls the servers that read it", by="real run")
def test_a_rotation_rolls_the_server_without_pulumi(synced: Synced) -> None:
    before = synced.deployment()
    value = synced.manager.put(TEAM)
    wait_for("the new value in the Secret", lambda: synced.value() == value, 60)
    synced.await_note()
    after = synced.deployment()
    template = after["spec"]["template"]["metadata"]["annotations"]
    assert template[NOTE] == synced.secret()["metadata"]["resourceVersion"]
    assert after["metadata"]["generation"] > before["metadata"]["generation"]
    assert MANAGER in {managed["manager"] for managed in after["metadata"]["managedFields"]}
    assert synced.in_server() == value


def test_what_is_read_again_and_is_the_same_rolls_nothing(synced: Synced) -> None:
    version, pods = synced.secret()["metadata"]["resourceVersion"], synced.deployment()["spec"]["template"]
    read = "jsonpath={.status.refreshTime}"

    def refreshed() -> str:
        return synced.cluster.kubectl(
            "get", "externalsecrets.external-secrets.io", "hub", "-n", TEAM, "-o", read
        ).stdout

    first = refreshed()
    wait_for("the entry to be read again", lambda: refreshed() != first, 60)
    assert synced.secret()["metadata"]["resourceVersion"] == version
    # Not the generation: that is the autoscaler's too.
    assert synced.deployment()["spec"]["template"] == pods


def test_pulumi_finds_nothing_to_change_after_a_rotation(synced: Synced) -> None:
    done = synced.cluster.run("preview", "--expect-no-changes", ok=False)
    synced.said.append(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.proves("external-secrets", "no value is anywhere else", by="real run")
def test_no_value_is_anywhere_but_in_its_secret(synced: Synced) -> None:
    forms = forms_of([*synced.manager.values, *synced.keys.values()])
    assert not [form for text in synced.said for form in forms if form in text.encode()]
    assert kept_by_pulumi(synced.cluster, forms) == []
    for namespace in (TEAM, "external-secrets", "secret-rotation"):
        assert kept_by_cluster(synced.cluster, namespace, forms) == []
