"""Reads the config of the running Pulumi program."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypeVar

import pulumi
from pydantic import BaseModel

from stacks.checks import check
from stacks.environment.config import Environment
from stacks.language.faults import PROJECT, ConfigError, Fault
from stacks.language.stack_file import read_stack_file
from stacks.stack_keys import config_path, located
from stacks.team_stack.config import TeamStack

M = TypeVar("M", bound=BaseModel)


def load_stack() -> Environment | TeamStack:
    """What the stack is: an environment, or one team's workloads. RunError, as a message, for a bad config."""
    is_team = _config_value("team") is not None and _config_value("environment") is None
    return load("team", TeamStack) if is_team else load("environment", Environment)


def load(name: str, model: type[M]) -> M:
    """The config key `ml-platform:<name>` as a model. RunError with a line for each fault."""
    key = f"{PROJECT}:{name}"
    value = _config_value(name)
    if value is None:
        result, faults = (
            None,
            [Fault(path=(), message=f"is required in config, as {key}; see docs/configuration.md")],
        )
    elif pulumi.runtime.is_config_secret(key):
        remedy = "keep secrets in Kubernetes Secrets, and name them under secretEnv"
        result, faults = None, [Fault(path=(), message=f"holds a secret value; {remedy}")]
    else:
        result, faults = check(model, value)
    if result is not None:
        return result
    # The values are Pulumi's, which may come from elsewhere; the file only tells the line of each fault.
    source = stack_file_path(pulumi.get_stack())
    file = read_stack_file(source)
    start = config_path(file, name)
    error = ConfigError(source.name, {"config": {start[1]: value}}, located(faults, start, file))
    raise pulumi.RunError(f"the stack config cannot be used\n{error}")


def _config_value(name: str) -> Any:
    text = pulumi.Config(PROJECT).get(name)
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        # A plain text where a mapping should be: the models say so.
        return text


def stack_file_path(stack: str) -> Path:
    """The file of a stack: `ML_PLATFORM_STACK_FILE`, else `Pulumi.<stack>.yaml` beside `Pulumi.yaml`."""
    named = os.environ.get("ML_PLATFORM_STACK_FILE")
    return Path(named) if named else Path(__file__).parent.parent / f"Pulumi.{stack}.yaml"
