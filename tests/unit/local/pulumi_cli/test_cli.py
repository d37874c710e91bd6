"""Pulumi from PATH or built, and the environment that keeps the user's login out of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from local.paths import Instance
from local.pulumi_cli import cli
from local.pulumi_cli.cli import Pulumi
from local.toolchain.tools import PULUMI_CLI, PULUMI_PROVIDER


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH but what a test puts into the folder `bin`."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    return tmp_path


def test_a_machine_without_pulumi_builds_it(machine: Path) -> None:
    assert cli.tools_to_build() == (PULUMI_PROVIDER, PULUMI_CLI)


@pytest.mark.parametrize(
    ("version", "used"), [("v3.259.0", True), ("v3.200.1", True), ("v3.90.0", False), ("?", False)]
)
def test_a_pulumi_that_is_new_enough_is_used(machine: Path, version: str, used: bool) -> None:
    program(machine / "bin", "pulumi", f"echo {version}")
    program(machine / "bin", "pulumi-language-python", "true")
    assert (cli.installed_cli() == machine / "bin" / "pulumi") is used


def test_a_pulumi_without_its_language_host_is_not_used(machine: Path) -> None:
    program(machine / "bin", "pulumi", "echo v3.259.0")
    assert cli.installed_cli() is None


def test_with_pulumi_and_its_plugin_nothing_is_built(machine: Path) -> None:
    program(machine / "bin", "pulumi", "echo v3.259.0")
    program(machine / "bin", "pulumi-language-python", "true")
    assert cli.tools_to_build() == (PULUMI_PROVIDER,)
    (machine / "home" / "plugins" / cli.PLUGIN).mkdir(parents=True)
    assert cli.tools_to_build() == ()


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


def test_home_state_and_passphrase_are_private_and_made_once(tmp_path: Path) -> None:
    pulumi = Pulumi(Elsewhere(name=str(tmp_path)), {PULUMI_PROVIDER.programs[0]: Path("/bin/true")})
    pulumi.ensure()
    first = pulumi.passphrase.read_text()
    pulumi.ensure()
    assert pulumi.passphrase.read_text() == first
    assert pulumi.passphrase.stat().st_mode & 0o777 == 0o600
    assert pulumi.folder.stat().st_mode & 0o777 == 0o700
    assert "export PULUMI_BACKEND_URL=" in (tmp_path / "env").read_text()
    assert first.strip() not in (tmp_path / "env").read_text()


@pytest.mark.parametrize(
    "content",
    ["", "{", "{}", '{"pid": 999999999}', f'{{"pid": {os.getpid()}}}'],
    ids=["empty", "torn", "nobody", "ended", "another program"],
)
def test_a_lock_whose_update_has_ended_is_held_by_nobody(tmp_path: Path, content: str) -> None:
    """The last one is a number that another program has now."""
    (tmp_path / "lock.json").write_text(content)
    assert cli.lock_holder(tmp_path / "lock.json") is None


def test_a_lock_of_a_running_update_names_it(tmp_path: Path) -> None:
    shutil.copy("/bin/sleep", tmp_path / "pulumi")
    with subprocess.Popen([tmp_path / "pulumi", "60"]) as update:
        (tmp_path / "lock.json").write_text(json.dumps({"pid": update.pid}))
        # The kernel lets us go on a moment before the new process has its name.
        while Path(f"/proc/{update.pid}/comm").read_text().strip() != "pulumi":
            time.sleep(0.01)
        assert cli.lock_holder(tmp_path / "lock.json") == update.pid
        update.kill()
