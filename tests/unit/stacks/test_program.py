"""The program as Pulumi starts it: `__main__.py` with the config of a stack file."""

from __future__ import annotations

import json
import runpy
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import config, settings
from pulumi.runtime.stack import Stack

from tests.unit.recorder import deploy
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import ROOT, stack_config


@pytest.fixture
def dev_config(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[dict[str, Any]]:
    """The config of `dev`, set as the engine sets it."""
    said = stack_config("dev")
    monkeypatch.setenv("ML_PLATFORM_KUBECONFIG", str(kubeconfig))
    before = config.CONFIG.set({"ml-platform:environment": json.dumps(said)})
    yield said
    config.CONFIG.reset(before)


def run_main() -> Any:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
    root = settings.get_root_resource()
    assert isinstance(root, Stack)
    return pulumi.Output.from_input(root.outputs)


def test_the_program_exports_what_the_environment_returns(
    dev_config: dict[str, Any], deploy_environment: Deploy
) -> None:
    ran = deploy(run_main, stack="dev")
    built = deploy_environment(dev_config)
    assert ran.result == built.result
    assert {found.name for found in ran.graph.registrations} == {found.name for found in built.graph.registrations}


def test_the_program_is_small() -> None:
    assert len((ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()) < 15
