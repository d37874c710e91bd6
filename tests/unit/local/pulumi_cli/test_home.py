"""The provider's temporary files lie in folders of ours, and go."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from local.pulumi_cli import installed
from local.pulumi_cli.home import Home
from local.pulumi_cli.installed import PLUGIN, PLUGIN_PROGRAM


@pytest.fixture
def provider(tmp_path: Path) -> Path:
    """A provider that does as the real one: it leaves a kubeconfig in the folder for temporary files."""
    file = tmp_path / "provider"
    file.write_text('#!/bin/sh\nmktemp -t kubeconfigXXXXXX > /dev/null\necho "$1"\n')
    file.chmod(0o755)
    return file


def temporary_files(home: Home) -> list[Path]:
    return [file for file in home.temporary.rglob("*") if file.is_file()]


def start(home: Home, tmp_path: Path) -> str:
    machines = tmp_path / "machine"
    machines.mkdir(exist_ok=True)
    plugin = home.home / "plugins" / PLUGIN / PLUGIN_PROGRAM
    done = subprocess.run(
        [plugin, "127.0.0.1:1"], env=os.environ | {"TMPDIR": str(machines)}, capture_output=True, text=True, check=True
    )
    assert not list(machines.iterdir())
    return done.stdout


def test_the_provider_leaves_nothing_in_the_machines_folder_and_one_file_in_ours(
    tmp_path: Path, provider: Path
) -> None:
    home = Home(tmp_path / "it's a folder")
    home.ensure({PLUGIN_PROGRAM: provider})
    for _ in range(3):
        assert start(home, tmp_path) == "127.0.0.1:1\n"
        assert len(temporary_files(home)) == 1
    assert {folder.stat().st_mode & 0o777 for folder in home.temporary.iterdir()} == {0o700}


def test_the_files_of_a_provider_that_runs_are_not_touched(tmp_path: Path, provider: Path) -> None:
    home = Home(tmp_path)
    home.ensure({PLUGIN_PROGRAM: provider})
    kept = home.temporary / str(os.getpid()) / "kubeconfig1"
    kept.parent.mkdir()
    kept.touch()
    start(home, tmp_path)
    assert kept.exists()


@pytest.mark.parametrize("before", ["link to a folder", "link to a program", "other script"])
def test_what_was_installed_before_is_replaced(
    before: str, tmp_path: Path, provider: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to the folder that the user's Pulumi has, a link to a program as we made them before, another version."""
    users = tmp_path / "users" / PLUGIN
    users.mkdir(parents=True)
    provider.rename(users / PLUGIN_PROGRAM)
    monkeypatch.setattr("local.pulumi_cli.home.users_plugin", lambda: users)
    home = Home(tmp_path / "ours")
    plugin = home.home / "plugins" / PLUGIN
    plugin.parent.mkdir(parents=True)
    if before == "link to a folder":
        plugin.symlink_to(users)
    else:
        plugin.mkdir()
        if before == "link to a program":
            (plugin / PLUGIN_PROGRAM).symlink_to(users / PLUGIN_PROGRAM)
        else:
            (plugin / PLUGIN_PROGRAM).write_text("#!/bin/sh\nexit 1\n")
    home.ensure({})
    assert start(home, tmp_path) == "127.0.0.1:1\n"
    assert (users / PLUGIN_PROGRAM).read_text().startswith("#!/bin/sh\nmktemp")


def test_the_users_plugin_is_that_of_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    assert installed.users_plugin() == tmp_path / "plugins" / PLUGIN
