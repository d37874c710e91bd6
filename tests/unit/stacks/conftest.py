"""Stacks in unit tests: a kubeconfig that leads nowhere, and whole environments from plain config."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.recorder import Deployed
from tests.unit.stacks.programs import deploy_config, kubeconfig_text

Deploy = Callable[[dict[str, Any]], Deployed]


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "kubeconfig"
    path.write_text(kubeconfig_text(), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def deploy_afresh(kubeconfig: Path) -> Deploy:
    """`deploy_afresh(config)` builds an environment of a stack file's `ml-platform:environment`."""

    def deploy(config: dict[str, Any]) -> Deployed:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("ML_PLATFORM_KUBECONFIG", str(kubeconfig))
            patched.setenv("KUBECONFIG", str(kubeconfig))
            return deploy_config(config)

    return deploy


@pytest.fixture(scope="session")
def deploy_environment(deploy_afresh: Deploy) -> Deploy:
    """The same, but an equal config is built once only: many tests look at one environment."""
    known: dict[str, Deployed] = {}

    def deploy(config: dict[str, Any]) -> Deployed:
        key = json.dumps(config, sort_keys=True)
        if key not in known:
            known[key] = deploy_afresh(config)
        return known[key]

    return deploy
