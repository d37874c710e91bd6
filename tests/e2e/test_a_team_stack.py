"""A team deploys by itself: its environment is one stack, its workloads are another, with the team's rights alone.

It is the first file of its folder, since it leaves the cluster as it finds it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.commands.request import post
from local.node import pki
from local.pulumi_cli.cli import Pulumi
from tests.embedded import EmbeddedCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DEPLOYER = "guest-deployer"
ENVIRONMENT: dict[str, Any] = {
    "cluster": {"kind": "local"},
    "teams": [
        {
            "name": "guest",
            "namespace": "guests",
            "quota": {"cpu": "4", "memory": "8Gi", "pods": 10, "storage": "4Gi"},
            "owners": ["guest-owners"],
        }
    ],
}
TEAM: dict[str, Any] = {
    "environment": "organization/ml-platform/hosts",
    "protectData": False,
    "storage": [
        {"name": "datasets", "kind": "volume", "size": "1Gi"},
        {"name": "models", "kind": "volume", "size": "1Gi"},
    ],
    "team": {
        "name": "guest",
        "training": [
            {"name": "digits", "kind": "job", "image": "trainer", "data": "datasets", "model": "models"}
            | {"resources": {"cpu": "1", "memory": "1Gi"}, "timeout": "10m"}
        ],
        "serving": [
            {"name": "digits", "kind": "deployment", "image": "predictor", "model": "digits"}
            | {"resources": {"cpu": "200m", "memory": "256Mi"}, "autoscaling": {"min": 1, "max": 2, "cpu": 70}}
        ],
    },
}


class Stack:
    """A stack on the tests' cluster, of a file that the test writes."""

    def __init__(self, embedded: EmbeddedCluster, name: str, key: str, config: dict[str, Any], *, own: bool) -> None:
        """`own`: whether the stack gets the cluster's own kubeconfig, which may do everything."""
        self.file = embedded.node.instance.folder / f"Pulumi.{name}.yaml"
        self.file.write_text(yaml.safe_dump({"config": {f"ml-platform:{key}": config}}))
        self.pulumi = Pulumi(
            embedded.node.instance, embedded.pulumi.programs, stack=name, stack_file=self.file, embedded=own
        )
        self.pulumi.ensure_stack()

    def run(self, *words: str) -> str:
        done = self.pulumi.run(*words, "--yes", "--skip-preview", "--stack", self.pulumi.stack, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def kubeconfig_of_the_team(embedded: EmbeddedCluster) -> Path:
    """A kubeconfig of somebody who is an owner of the team, and nothing else."""
    node = embedded.node
    pki.Authority(node.certificates, "cluster").issue(
        pki.Identity(file=DEPLOYER, common_name=DEPLOYER, organization="guest-owners")
    )
    known = yaml.safe_load(node.instance.kubeconfig.read_text())
    known["users"][0]["user"] = {
        f"client-{part}-data": b64encode((node.certificates / f"{DEPLOYER}.{ending}").read_bytes()).decode()
        for part, ending in (("certificate", "crt"), ("key", "key"))
    }
    path = node.instance.folder / "guest.kubeconfig"
    pki.write_private(path, yaml.safe_dump(known).encode())
    return path


@pytest.fixture(scope="module")
def hosts(embedded: EmbeddedCluster) -> Iterator[Stack]:
    """The environment, which only the administrator may change."""
    stack = Stack(embedded, "hosts", "environment", ENVIRONMENT, own=True)
    stack.run("up")
    yield stack
    stack.run("destroy")


@pytest.fixture(scope="module")
def guest(hosts: Stack, embedded: EmbeddedCluster) -> Iterator[Stack]:
    """The team's own stack, by its own kubeconfig."""
    path = kubeconfig_of_the_team(embedded)
    cluster = {"kind": "existing", "kubeconfig": str(path), "singleNode": True}
    stack = Stack(embedded, "guest", "team", {**TEAM, "cluster": cluster}, own=False)
    yield stack
    stack.run("destroy")


def test_the_deployer_may_not_leave_its_namespace(guest: Stack, embedded: EmbeddedCluster) -> None:
    who = ("--as", DEPLOYER, "--as-group", "guest-owners")
    for words in (("create", "jobs", "-n", "default"), ("get", "nodes"), ("create", "rolebindings", "-n", "guests")):
        assert embedded.kubectl("auth", "can-i", *words, *who, ok=False).stdout.strip() == "no", words
    assert embedded.kubectl("auth", "can-i", "create", "jobs", "-n", "guests", *who).stdout.strip() == "yes"


def test_a_team_trains_and_serves_with_its_own_rights_alone(guest: Stack, embedded: EmbeddedCluster) -> None:
    before = embedded.mutations()
    guest.run("up")
    assert embedded.mutations() == before, "the administrator changed something for the team"
    outputs: Any = guest.pulumi.outputs()
    assert outputs["environment"] == TEAM["environment"]
    server = outputs["teams"]["guest"]["serving"]["digits"]
    assert server["namespace"] == "guests"
    answer = post(f"{server['url']}/v1/models/digits:predict", {"instances": [[0.0] * 64]})
    assert len(answer["predictions"]) == 1
    guest.run("up", "--expect-no-changes")
