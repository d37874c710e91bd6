"""The graphs of every stack file that this repository has: its own stacks, and those of its tests."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.platform.sources import Sources
from tests.unit.aws.engine import TEAM_STACK, deploy_aws, deployed
from tests.unit.recorder import Graph
from tests.unit.stacks.programs import ROOT, deploy_config, kubeconfig_text

ENVIRONMENT = "ml-platform:environment"


def environment_files() -> list[Path]:
    """Stack files of whole environments: those at the root, and those of tests."""
    found = [*ROOT.glob("Pulumi.*.yaml"), *(ROOT / "tests").rglob("*.yaml")]
    return sorted(
        path
        for path in found
        if not {"malformed", "fixtures"} & set(path.parts) and ENVIRONMENT in path.read_text(encoding="utf-8")
    )


@dataclass(frozen=True, kw_only=True)
class Built:
    """A stack's config, its graph, and the names of the catalog that it took something of."""

    config: dict[str, Any]
    graph: Graph
    used: set[str] = field(default_factory=set[str])


@functools.cache
def built(path: Path, image_mirror: str | None = None) -> Built:
    """What the program makes of a stack file, with a mirror of images or without. Read-only: tests share it."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"][ENVIRONMENT]
    # Those of its author's home.
    for key in ("kubeconfig", "context"):
        config["cluster"].pop(key, None)
    if image_mirror:
        config["catalog"] = {"mirror": {"images": image_mirror}}
    used = set[str]()
    with noted(used), kubeconfig():
        aws = config["cluster"]["kind"] == "aws"
        graph = (deploy_aws(config) if aws else deploy_config(config)).graph
    return Built(config=config, graph=graph, used=used)


def built_team() -> Graph:
    """The graph of the team stack."""
    return deployed(TEAM_STACK).graph


@contextmanager
def kubeconfig() -> Generator[None]:
    """A kubeconfig that leads nowhere, for clusters that are there already."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file, pytest.MonkeyPatch.context() as patched:
        file.write(kubeconfig_text())
        file.flush()
        for variable in ("ML_PLATFORM_KUBECONFIG", "KUBECONFIG"):
            patched.setenv(variable, file.name)
        patched.delenv("ML_PLATFORM_MIRROR", raising=False)
        yield


@contextmanager
def noted(used: set[str]) -> Generator[None]:
    """Collects the names for which the program asks its `Sources`."""

    def noting(method: str) -> Any:
        original = getattr(Sources, method)

        def noted(self: Sources, name: str) -> Any:
            used.add(name)
            return original(self, name)

        return noted

    with pytest.MonkeyPatch.context() as patched:
        for method in ("image", "release", "manifest"):
            patched.setattr(Sources, method, noting(method))
        yield
