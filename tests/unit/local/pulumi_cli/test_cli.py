"""The environment that keeps the user's login out of Pulumi, and a recovery from end to end, with stand-ins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from local.errors import Failure
from local.paths import Instance
from local.progress import Steps
from local.pulumi_cli.cli import Pulumi
from local.pulumi_cli.installed import PLUGIN_PROGRAM
from local.pulumi_cli.recovery import Recovery
from stacks.clouds.existing.config import ExistingCluster


class Elsewhere(Instance):
    """An instance whose folder is a test's own."""

    @property
    def folder(self) -> Path:
        return Path(self.name)


def test_the_users_login_and_passphrase_play_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "pul-secret")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "theirs")
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/config")
    pulumi = Pulumi(Elsewhere(name=str(tmp_path)), {})
    environment = pulumi.environment()
    assert "PULUMI_ACCESS_TOKEN" not in environment
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment
    assert environment["PULUMI_BACKEND_URL"].startswith(f"file://{tmp_path}")
    assert environment["KUBECONFIG"] == str(tmp_path / "kubeconfig")


def test_a_stack_on_another_cluster_keeps_the_users_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/config")
    pulumi = Pulumi(Elsewhere(name=str(tmp_path)), {}, embedded=False)
    assert pulumi.environment()["KUBECONFIG"] == "/home/me/.kube/config"
    assert "ML_PLATFORM_KUBECONFIG" not in pulumi.variables()


def test_kubectl_asks_the_cluster_of_the_stack_whatever_the_current_context_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/config")
    config = ExistingCluster(kind="existing", context="kind-ml")
    pulumi = Pulumi(Elsewhere(name=str(tmp_path)), {}, stack="laptop", embedded=False, cluster=config)
    pulumi.home.folder.mkdir(parents=True)
    first, rest = pulumi.cluster_environment()["KUBECONFIG"].split(":")
    assert rest == "/home/me/.kube/config"
    assert yaml.safe_load(Path(first).read_text())["current-context"] == "kind-ml"
    # Pulumi itself reads the user's file alone.
    assert pulumi.environment()["KUBECONFIG"] == "/home/me/.kube/config"


def test_home_state_and_passphrase_are_private_and_made_once(tmp_path: Path) -> None:
    pulumi = Pulumi(Elsewhere(name=str(tmp_path)), {PLUGIN_PROGRAM: Path("/bin/true")})
    pulumi.ensure()
    first = pulumi.home.passphrase.read_text()
    pulumi.ensure()
    assert pulumi.home.passphrase.read_text() == first
    assert pulumi.home.passphrase.stat().st_mode & 0o777 == 0o600
    assert pulumi.home.folder.stat().st_mode & 0o777 == 0o700
    assert "export PULUMI_BACKEND_URL=" in (tmp_path / "env").read_text()
    assert first.strip() not in (tmp_path / "env").read_text()


PENDING: dict[str, Any] = {
    "type": "creating",
    "resource": {
        "urn": "urn:pulumi:dev::ml-platform::kubernetes:core/v1:ConfigMap::settings",
        "custom": True,
        "type": "kubernetes:core/v1:ConfigMap",
        "inputs": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "demo"}},
    },
}
LIVE = {"metadata": {"name": "settings", "namespace": "demo"}}
APPLIED = {"managedFields": [{"manager": "pulumi-kubernetes-1a2b", "operation": "Apply"}]}


class Stack:
    """A stack with a pending creation. In the places of `pulumi` and `kubectl` are scripts that note what they get."""

    def __init__(self, folder: Path, pending: Any = PENDING) -> None:
        self.pulumi = Pulumi(Elsewhere(name=str(folder)), {})
        self.pulumi.ensure()
        self.folder = folder
        deployment = {"resources": [], "pending_operations": [pending] if pending else []}
        self.pulumi.checkpoint.parent.mkdir(parents=True)
        self.pulumi.checkpoint.write_text(json.dumps({"version": 3, "checkpoint": {"latest": deployment}}))
        (folder / "exported").write_text(json.dumps({"version": 3, "deployment": deployment}))
        self.answer(
            "pulumi", f"echo $2 >> {folder}/asked; [ $2 = export ] && cat {folder}/exported || cat > {folder}/imported"
        )
        self.answer("kubectl", f"cat > {folder}/question; cat {folder}/found")
        (folder / "found").write_text("")

    def answer(self, program: str, script: str) -> None:
        file = self.pulumi.home.bin / program
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def recover(self) -> Recovery | None:
        with Steps(Console(quiet=True)) as steps:
            return self.pulumi.recover(steps)

    def asked(self) -> list[str]:
        file = self.folder / "asked"
        return file.read_text().split() if file.exists() else []


def test_without_a_pending_operation_pulumi_is_not_started(tmp_path: Path) -> None:
    stack = Stack(tmp_path, pending=None)
    assert stack.recover() is None
    assert stack.asked() == []


def test_what_was_made_is_written_into_the_state(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    (tmp_path / "found").write_text(json.dumps({"kind": "List", "items": [{"metadata": LIVE["metadata"] | APPLIED}]}))
    result = stack.recover()
    assert result is not None
    assert result.adopted == [PENDING["resource"]["urn"]]
    assert json.loads((tmp_path / "question").read_text()) == PENDING["resource"]["inputs"]
    imported = json.loads((tmp_path / "imported").read_text())
    assert imported["version"] == 3
    assert [one["id"] for one in imported["deployment"]["resources"]] == ["demo/settings"]
    assert imported["deployment"]["pending_operations"] == []
    assert stack.asked() == ["export", "import"]


def test_while_the_cluster_does_not_answer_the_state_stays_as_it_is(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.answer("kubectl", "cat > /dev/null; echo 'error: connection refused' >&2; exit 1")
    with pytest.raises(Failure, match="cannot be asked for ConfigMap settings: error: connection refused; start it"):
        stack.recover()
    assert stack.asked() == ["export"]


def test_a_kind_that_the_cluster_does_not_know_has_no_objects(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.answer("kubectl", "cat > /dev/null; echo 'error: no matches for kind \"Queue\" in version' >&2; exit 1")
    result = stack.recover()
    assert result is not None
    assert result.forgotten == [PENDING["resource"]["urn"]]


def test_an_operation_of_which_nothing_is_known_is_left_to_a_person(tmp_path: Path) -> None:
    bucket = {"urn": "urn:pulumi:dev::p::aws:s3/bucket:Bucket::b", "type": "aws:s3/bucket:Bucket", "inputs": {}}
    stack = Stack(tmp_path, pending={"type": "creating", "resource": bucket})
    with pytest.raises(Failure, match=r"Bucket::b; look at them, then run 'pulumi refresh --stack dev'"):
        stack.recover()
    assert stack.asked() == ["export"]


@pytest.mark.parametrize(
    ("records", "operation", "gone"),
    [
        ([], "creating", []),
        ([("1", "pending-install")], "creating", ["1"]),
        ([("1", "deployed")], "creating", ["1"]),
        ([("1", "superseded"), ("2", "deployed")], "creating", []),
        ([("1", "deployed"), ("2", "pending-upgrade")], "updating", ["2"]),
        ([("1", "deployed")], "updating", []),
    ],
)
def test_helms_records_that_are_in_the_way_are_removed(
    tmp_path: Path, records: list[tuple[str, str]], operation: str, gone: list[str]
) -> None:
    inputs = {"name": "kueue", "namespace": "kueue-system"}
    kind = "kubernetes:helm.sh/v3:Release"
    release = {"urn": f"urn:pulumi:dev::p::{kind}::k", "type": kind, "inputs": inputs}
    stack = Stack(tmp_path, pending={"type": operation, "resource": release})
    if operation == "updating":
        recorded = {**release, "id": "kueue-system/kueue"}
        exported = {"resources": [recorded], "pending_operations": [{"type": operation, "resource": release}]}
        (tmp_path / "exported").write_text(json.dumps({"version": 3, "deployment": exported}))
    items = [
        {"metadata": {"name": f"v{version}", "labels": {"version": version, "status": status}}}
        for version, status in records
    ]
    (tmp_path / "found").write_text(json.dumps({"items": items}))
    stack.answer("kubectl", f'[ "$2" = get ] && cat {tmp_path}/found || echo "$4" >> {tmp_path}/deleted')
    stack.recover()
    deleted = tmp_path / "deleted"
    assert (deleted.read_text().split() if deleted.exists() else []) == [f"v{version}" for version in gone]
