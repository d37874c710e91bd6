"""The stack file as the commands see it."""

from fnmatch import fnmatchcase
from pathlib import Path

from local.errors import Failure
from local.paths import ROOT
from policy.rules.model import PRODUCTION
from stacks import check
from stacks.environment.config import Environment
from stacks.language.faults import ConfigError
from stacks.team_stack.config import TeamStack


def stack_file(stack: str) -> Path:
    return ROOT / f"Pulumi.{stack}.yaml"


def read_environment(file: Path) -> Environment:
    """The environment that a stack file describes; every fault of the file is shown when it has any."""
    try:
        return check.read_environment(file)
    except ConfigError as error:
        raise _failure(file, error) from None


def read_stack(file: Path) -> Environment | TeamStack:
    """What a stack file describes, an environment or a team's own stack; every fault of the file is shown."""
    try:
        stack = check.check_stack_file(file)
    except ConfigError as error:
        raise _failure(file, error) from None
    assert isinstance(stack, Environment | TeamStack)
    return stack


def _failure(file: Path, error: ConfigError) -> Failure:
    return Failure(f"{file.name} cannot be used:\n{error}\n", "docs/configuration.md lists every key")


def policy_options(stack: str) -> tuple[str, ...]:
    """The policy pack, as strict as the stack wants it. The paths are relative to the repository."""
    name = "prod" if any(fnmatchcase(stack, pattern) for pattern in PRODUCTION) else "default"
    return ("--policy-pack", "policy", "--policy-pack-config", f"policy/config/{name}.json")
