"""Configs of whole environments, and how they are run without an engine."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from stacks.environment.build import build
from stacks.environment.config import Environment
from tests.sound import sound
from tests.unit.recorder import Deployed, deploy

ROOT = Path(__file__).parents[3]
SERVER = "https://node.example:6443"


def kubeconfig_text() -> str:
    """A kubeconfig of one context, `somewhere`. Nothing answers at its address, and nothing has to."""
    return yaml.safe_dump(
        {
            "current-context": "somewhere",
            "contexts": [{"name": "somewhere", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": SERVER}}],
        }
    )


def stack_config(stack: str) -> dict[str, Any]:
    """`ml-platform:environment` of a stack file of this repository."""
    file = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    return file["config"]["ml-platform:environment"]


def deploy_config(config: dict[str, Any], *, stack: str = "test") -> Deployed:
    environment = sound(Environment, config)
    return deploy(lambda: build(environment), stack=stack)


TRAINING: dict[str, Any] = {
    "name": "digits",
    "kind": "job",
    "image": "registry.example/trainer:1",
    "data": "datasets",
    "model": "models",
}
SERVING: dict[str, Any] = {
    "name": "digits",
    "kind": "deployment",
    "image": "registry.example/predictor:1",
    "model": "digits",
    "autoscaling": {"min": 1, "max": 4, "cpu": 70},
}


def team(name: str = "demo", **keys: Any) -> dict[str, Any]:
    """A team that trains and serves one model."""
    return {"name": name, "training": [copy.deepcopy(TRAINING)], "serving": [copy.deepcopy(SERVING)], **keys}


def volume(name: str, **keys: Any) -> dict[str, Any]:
    """A storage that pods on all nodes of any cluster can share."""
    return {"name": name, "kind": "volume", "size": "5Gi", "accessMode": "ReadWriteMany", **keys}


def environment(**keys: Any) -> dict[str, Any]:
    """A small environment of one team, with images that are not this repository's."""
    return {
        "cluster": {"kind": "local"},
        "storage": [
            volume("datasets"),
            volume("models"),
        ],
        "teams": [team()],
        **keys,
    }


def with_training(**keys: Any) -> dict[str, Any]:
    """The small environment with other keys in its training entry."""
    return environment(teams=[team(training=[{**TRAINING, **keys}])])


def with_serving(**keys: Any) -> dict[str, Any]:
    """The small environment with other keys in its serving entry. None removes a key."""
    entry = {key: value for key, value in {**SERVING, **keys}.items() if value is not None}
    return environment(teams=[team(serving=[entry])])
