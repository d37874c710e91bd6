"""Values of secrets reach the pods that read them, and are found nowhere else."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.image_names import BASE_IMAGE
from tests.embedded import EmbeddedCluster, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

TEAM = "tenant-a"
NAMES = ("hub-token", "registry-password")


# A team with a server, which reads the same value as variables.
SERVING = "vision"


def add_secrets(environment: Any) -> None:
    """What the test adds to the platform's stack: Secrets, one of them of a server, and the login of a registry."""
    teams = {team["name"]: team for team in environment["teams"]}
    teams[SERVING]["secrets"] = [{"name": "shared", "keys": {"SHARED_TOKEN": "hub-token"}}]
    teams[SERVING]["serving"][0]["envFrom"] = ["shared"]
    team = teams[TEAM]
    team["secrets"] = [{"name": "hub", "keys": {"token": "hub-token"}}]
    team["imagePull"] = [{"registry": "registry.example", "username": "reader", "password": "registry-password"}]


class Canaries:
    """Random values as secrets of the stack, and the stack with them deployed."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self.cluster = cluster
        self.values = {name: f"canary{secrets.token_hex(12)}" for name in NAMES}
        self.said: list[str] = []
        for name in NAMES:
            self.set(name, self.values[name])

    def set(self, name: str, value: str) -> None:
        self.cluster.set_secret(name, value)
        self.values[name] = value

    def run(self, *words: str) -> str:
        done = self.cluster.run(*words)
        self.said.append(done.stdout + done.stderr)
        return done.stdout

    @property
    def forms(self) -> set[bytes]:
        return forms_of(self.values.values())


def forms_of(values: Iterable[str]) -> set[bytes]:
    """Values as they are and as Kubernetes and container clients encode them, alone or in a longer text."""
    return {form for value in values for form in (value.encode(), *encodings(value.encode()))}


def encodings(value: bytes) -> Iterator[bytes]:
    """What of a value's base64 does not depend on what stands before and after it, for each of three offsets."""
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + value)
        yield whole[4 if offset else 0 : -4]


@pytest.fixture(scope="module")
def canaries(platform: EmbeddedCluster) -> Iterator[Canaries]:
    original = platform.pulumi.stack_file.read_text()
    with platform.changed_config(add_secrets):
        found = Canaries(platform)
        found.run("up", "--yes", "--skip-preview")
        # A rotation, with all that Pulumi says of it below its level 9, which prints every property that it sends or
        # gets, secrets too (docs/secrets.md).
        found.set("hub-token", f"canary{secrets.token_hex(12)}")
        found.run("preview", "--json", "--diff")
        found.run("up", "--yes", "--skip-preview", "--logtostderr", "--logflow", "-v=8")
        found.run("refresh", "--yes", "--skip-preview")
        yield found
    platform.pulumi.stack_file.write_text(original)
    platform.up()


def test_the_search_would_find_a_value(canaries: Canaries) -> None:
    value = canaries.values["hub-token"]
    for text in (value, json.dumps({"a": value}), base64.b64encode(f"reader:{value}".encode()).decode()):
        assert any(form in text.encode() for form in canaries.forms)


def test_a_value_reaches_the_cluster(canaries: Canaries, platform: EmbeddedCluster) -> None:
    secret = platform.get("secret", "hub", "-n", TEAM)
    assert base64.b64decode(secret["data"]["token"]).decode() == canaries.values["hub-token"]
    login = platform.get("secret", "image-pull", "-n", TEAM)
    assert login["type"] == "kubernetes.io/dockerconfigjson"
    (found,) = json.loads(base64.b64decode(login["data"][".dockerconfigjson"]))["auths"].values()
    assert found["password"] == canaries.values["registry-password"]


@pytest.mark.proves("secrets", "a new value rolls the server that reads it", by="real run")
def test_a_new_value_rolls_the_server_that_reads_it(canaries: Canaries, platform: EmbeddedCluster) -> None:
    """The value that every pod of the server has is that of the rotation in between."""
    secret = platform.get("secret", "shared", "-n", SERVING)
    annotations = platform.get("deployment", "digits", "-n", SERVING)["spec"]["template"]["metadata"]["annotations"]
    assert annotations["secrets.ml-platform/shared"] == secret["metadata"]["resourceVersion"]
    pods = platform.get("pods", "-n", SERVING, "-l", "app.kubernetes.io/component=serving")["items"]
    names = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    assert names
    for name in names:
        read = platform.kubectl("exec", "-n", SERVING, name, "--", "printenv", "SHARED_TOKEN").stdout.strip()
        assert read == canaries.values["hub-token"]


def test_no_value_is_in_what_pulumi_says(canaries: Canaries) -> None:
    # Verbose enough to be worth the search.
    assert max(map(len, canaries.said)) > 100_000
    for text in canaries.said:
        assert not [form for form in canaries.forms if form in text.encode()]


@pytest.mark.proves("secrets", "are nowhere but in their Secret", by="real run")
def test_no_value_is_in_what_pulumi_keeps(canaries: Canaries, platform: EmbeddedCluster) -> None:
    """The state, its backups, the history, the stack file, and what the CLI leaves in its folders."""
    assert kept_by_pulumi(platform, canaries.forms) == []


@pytest.mark.proves("secrets", "are nowhere but in their Secret", by="real run")
def test_no_value_is_in_the_cluster_but_in_its_secret(canaries: Canaries, platform: EmbeddedCluster) -> None:
    """Objects other than Secrets, what is said about Secrets beside their data, etcd's files and the audit log."""
    assert kept_by_cluster(platform, TEAM, canaries.forms) == []


def kept_by_pulumi(platform: EmbeddedCluster, forms: set[bytes]) -> list[str]:
    """The files in which Pulumi has one of the forms."""
    files = [file for file in platform.pulumi.home.folder.rglob("*") if file.is_file() and not file.is_symlink()]
    files.append(platform.pulumi.stack_file)
    kinds = {part for file in files for part in file.parts}
    assert {"stacks", "history", "backups"} <= kinds
    return holders(files, forms)


def kept_by_cluster(platform: EmbeddedCluster, namespace: str, forms: set[bytes]) -> list[str]:
    """The kinds of objects of a namespace, and the files of the node, that have one of the forms. Not Secrets' data."""
    kept: list[str] = []
    for kind in platform.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").stdout.split():
        found: Any = platform.get(kind, "-n", namespace)
        if kind == "secrets":
            for item in found["items"]:
                item.pop("data", None)
        text = json.dumps(found).encode()
        kept += [kind for form in forms if form in text]
    node = platform.node.instance
    files = [*(node.state / "var-lib" / "etcd").rglob("*"), *node.logs.rglob("*")]
    return kept + holders([file for file in files if file.is_file()], forms)


def holders(files: list[Path], forms: set[bytes]) -> list[str]:
    found: list[str] = []
    for file in files:
        content = file.read_bytes()
        found += [str(file) for form in forms if form in content]
    return found


# -- pods ------------------------------------------------------------------------------------------------------


def reader(name: str) -> Mapping[str, Any]:
    """A pod that mounts the Secret as files, as `secretFiles` would have it."""
    program = "import time; time.sleep(3600)"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": TEAM},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "runAsGroup": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": [{"name": "hub", "secret": {"secretName": "hub", "defaultMode": 0o440}}],
            "containers": [
                {
                    "name": "main",
                    "image": BASE_IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-c", program],
                    "envFrom": [{"secretRef": {"name": "hub"}}],
                    "volumeMounts": [{"name": "hub", "mountPath": "/secrets/hub", "readOnly": True}],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


@pytest.mark.proves("secrets", "reach pods as files and variables", by="real run")
def test_files_follow_a_rotation_and_variables_do_not(canaries: Canaries, platform: EmbeddedCluster) -> None:
    platform.kubectl("apply", "-f", "-", stdin=json.dumps(reader("reader")))
    try:
        platform.kubectl("wait", "--for=condition=Ready", "--timeout=90s", "pod/reader", "-n", TEAM)

        def read(*command: str) -> str:
            return platform.kubectl("exec", "-n", TEAM, "reader", "--", *command).stdout.strip()

        before = canaries.values["hub-token"]
        assert read("cat", "/secrets/hub/token") == read("printenv", "token") == before
        canaries.set("hub-token", f"canary{secrets.token_hex(12)}")
        canaries.run("up", "--yes", "--skip-preview")
        after = canaries.values["hub-token"]
        wait_for("the new value in the file", lambda: read("cat", "/secrets/hub/token") == after, 90)
        # Which is why servers are rolled.
        assert read("printenv", "token") == before
    finally:
        platform.kubectl("delete", "pod", "reader", "-n", TEAM, "--ignore-not-found", "--wait=false")
