"""Checks stack files before Pulumi runs: `python -m stacks.check Pulumi.dev.yaml …`

Needs neither Pulumi nor a cluster. Each fault is a line on stderr, with file, line, key path and remedy. Ends
with 0 when every file is sound, with 1 when one is not, with 2 when no file was named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from stacks.checks import check
from stacks.environment.config import Environment
from stacks.language.faults import PROJECT, ConfigError, Fault, Path
from stacks.language.model import did_you_mean
from stacks.language.stack_file import read_stack_file
from stacks.stack_keys import ROOTS, config_path, located, own_key
from stacks.team_stack.config import TeamStack
from stacks.teams.config import TeamConfig
from stacks.teams.secret_checks import missing_values, references, value_faults
from stacks.teams.secrets import VALUES

# What Pulumi itself keeps in a stack file. Later versions may add to it, so only near misses are refused.
_PULUMI_KEYS = ("config", "environment", "encryptionsalt", "encryptedkey", "secretsprovider")
_WANTED = " or ".join(f"{PROJECT}:{name}" for name in ROOTS)


def check_stack_file(path: FilePath) -> BaseModel:
    """What a stack file asks for, as one of the models of `ROOTS`. ConfigError with every fault of a bad file."""
    file = read_stack_file(path)
    found, result = list(file.faults), None
    if file.readable:
        found += _document_faults(file.value)
        for name, model in ROOTS.items():
            start = config_path(file, name)
            if start in file.lines:
                value = file.value["config"][start[1]]
                secure = list(_secure_values(value, start))
                result, faults = check(model, value)
                secrets = config_path(file, VALUES)
                names = file.value["config"].get(secrets[1])
                if result is not None:
                    faults = [*faults, *missing_values(values_of(result), names if isinstance(names, dict) else ())]
                found += [*secure, *(f for f in located(faults, start, file) if not _is_inside(f, secure))]
                break
    # One line for each place: what the first look says is nearest to the cause.
    faults_by_path: dict[Path, Fault] = {}
    for fault in found:
        located_fault = replace(fault, line=fault.line or file.line_of(fault.path))
        faults_by_path.setdefault(fault.path, located_fault)
    if result is None or faults_by_path:
        raise ConfigError(path.name, file.value, faults_by_path.values())
    return result


def read_environment(path: FilePath) -> Environment:
    """The environment of a stack file. ConfigError when the file is bad, or holds something else."""
    result = check_stack_file(path)
    if not isinstance(result, Environment):
        message = f"has no {PROJECT}:environment; name the stack file of an environment"
        raise ConfigError(path.name, None, [Fault(path=(), message=message)])
    return result


def _document_faults(document: Any) -> Iterator[Fault]:
    """What is wrong around the project's own key."""
    if not isinstance(document, dict):
        problem = "is empty" if document is None else "is not a mapping"
        yield Fault(path=(), message=f"{problem}; write config: and under it {_WANTED}", line=1)
        return
    hints = {key: did_you_mean(key, _PULUMI_KEYS) for key in document if key not in _PULUMI_KEYS}
    for key, hint in hints.items():
        if hint:
            yield Fault(path=(key,), message=f"is not a key of a stack file{hint}")
    config = document.get("config")
    if isinstance(config, dict):
        yield from _config_faults(config)
    elif "config" in document:
        yield Fault(path=("config",), message=f"is not a mapping; write {_WANTED} under it")
    elif not any("'config'" in hint for hint in hints.values()):
        yield Fault(path=(), message=f"has no config; write config: and under it {_WANTED}", line=1)


def _config_faults(config: dict[str, Any]) -> Iterator[Fault]:
    """What is wrong with the keys of `config`, their values aside."""
    own = {key: name for key in config if (name := own_key(key)) is not None}
    known = [key for key, name in own.items() if name in ROOTS]
    for key, name in own.items():
        if name == VALUES:
            yield from (fault.under(("config", key)) for fault in value_faults(config[key]))
        elif name not in ROOTS:
            hint = did_you_mean(name, ROOTS) or f"; the project has {_WANTED}"
            yield Fault(path=("config", key), message=f"is not a config key of this project{hint}")
    for key in known[1:]:
        message = f"does not go together with {known[0]}; a stack has one of them"
        yield Fault(path=("config", key), message=message)
    if not own:
        # A near miss of the project's name looks like the key of a provider.
        hint = did_you_mean(f"{PROJECT}:environment", config)
        message = f"has no {_WANTED}; docs/configuration.md shows what to write"
        yield Fault(path=("config",), message=message + hint.replace("did you mean", "is that what is meant by"))


def teams_of(stack: BaseModel) -> Iterator[tuple[Path, TeamConfig]]:
    """The teams of a stack, with the path of each from the stack's own key."""
    if isinstance(stack, Environment):
        yield from ((("teams", index), team) for index, team in enumerate(stack.teams))
    if isinstance(stack, TeamStack):
        yield ("team",), stack.team


def values_of(stack: BaseModel) -> Iterator[tuple[Path, str]]:
    """The values that a stack names, with the path of each from the stack's own key."""
    yield from references(teams_of(stack))
    if isinstance(stack, Environment) and stack.external_secrets:
        yield from ((("externalSecrets", *place), name) for place, name in stack.external_secrets.named_values())


def _is_inside(fault: Fault, others: Sequence[Fault]) -> bool:
    return any(fault.path[: len(other.path)] == other.path for other in others)


def _secure_values(value: Any, path: Path) -> Iterator[Fault]:
    """Encrypted values, which would come to the program in clear."""
    if isinstance(value, dict):
        if value.keys() == {"secure"}:
            remedy = "keep secrets in Kubernetes Secrets, and name them under secretEnv"
            yield Fault(path=path, message=f"is an encrypted value, which has no place here; {remedy}")
            return
        for key, inner in value.items():
            yield from _secure_values(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secure_values(inner, (*path, index))


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print("usage: python -m stacks.check STACK_FILE...", file=sys.stderr)
        return 2
    sound = True
    for argument in arguments:
        try:
            check_stack_file(FilePath(argument))
        except ConfigError as error:
            sound = False
            print(error, file=sys.stderr)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
