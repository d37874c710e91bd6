"""Pulumi from PATH, or built."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.pulumi_cli import installed
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
    assert installed.tools_to_build() == (PULUMI_PROVIDER, PULUMI_CLI)


@pytest.mark.parametrize(
    ("version", "used"), [("v3.259.0", True), ("v3.200.1", True), ("v3.90.0", False), ("?", False)]
)
def test_a_pulumi_that_is_new_enough_is_used(machine: Path, version: str, used: bool) -> None:
    program(machine / "bin", "pulumi", f"echo {version}")
    program(machine / "bin", "pulumi-language-python", "true")
    assert (installed.installed_cli() == machine / "bin" / "pulumi") is used


def test_a_pulumi_without_its_language_host_is_not_used(machine: Path) -> None:
    program(machine / "bin", "pulumi", "echo v3.259.0")
    assert installed.installed_cli() is None


def test_with_pulumi_and_its_plugin_nothing_is_built(machine: Path) -> None:
    program(machine / "bin", "pulumi", "echo v3.259.0")
    program(machine / "bin", "pulumi-language-python", "true")
    assert installed.tools_to_build() == (PULUMI_PROVIDER,)
    (machine / "home" / "plugins" / installed.PLUGIN).mkdir(parents=True)
    assert installed.tools_to_build() == ()
