"""The stack file as the commands see it."""

from pathlib import Path

from local.errors import Failure
from local.paths import ROOT
from stacks import check
from stacks.config import Environment
from stacks.faults import ConfigError


def stack_file(stack: str) -> Path:
    return ROOT / f"Pulumi.{stack}.yaml"


def read_environment(file: Path) -> Environment:
    """The environment that a stack file describes; every fault of the file is shown when it has any."""
    try:
        return check.read_environment(file)
    except ConfigError as error:
        raise Failure(f"{file.name} cannot be used:\n{error}\n", "docs/configuration.md lists every key") from None
