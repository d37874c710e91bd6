"""The program reads its config from Pulumi, and a bad one stops it with a message instead of a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
import pytest
import yaml

from stacks import loading
from stacks.environment.config import Environment
from stacks.stack_keys import config_path, own_key

HERE = Path(__file__).parent
KEY = "ml-platform:environment"


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`config(file)` gives the program the config of a stack file, as the Pulumi CLI would."""

    def give(path: Path, *, secret: bool = False, file: bool = True) -> None:
        values: dict[str, Any] = yaml.safe_load(path.read_text())["config"]
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
        monkeypatch.setattr(pulumi, "get_stack", lambda: path.stem.removeprefix("Pulumi."))
        pulumi.runtime.set_all_config(texts, [KEY] if secret else [])
        if file:
            monkeypatch.setenv("ML_PLATFORM_STACK_FILE", str(path))
        else:
            monkeypatch.delenv("ML_PLATFORM_STACK_FILE", raising=False)

    return give


def test_the_dev_stack(config: Callable[..., None]):
    config(loading.stack_file_path("dev"), file=False)
    environment = loading.load("environment", Environment)
    assert isinstance(environment, Environment)
    assert environment.teams[0].name == "demo"


def error() -> list[str]:
    with pytest.raises(pulumi.RunError) as raised:
        loading.load("environment", Environment)
    # With a cause or context, Pulumi's message would be followed by theirs.
    assert raised.value.__cause__ is None
    return str(raised.value).splitlines()[1:]


def test_a_fault_has_file_line_and_path(config: Callable[..., None]):
    config(HERE / "malformed" / "cpu-unit.yaml")
    (line,) = error()
    assert line.startswith("cpu-unit.yaml:11: environment.teams[demo].training[digits].resources.cpu: ")


def test_without_the_file_the_line_is_left_out(
    config: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config(HERE / "malformed" / "cpu-unit.yaml")
    monkeypatch.setenv("ML_PLATFORM_STACK_FILE", str(tmp_path / "Pulumi.gone.yaml"))
    (line,) = error()
    assert line.startswith("Pulumi.gone.yaml: environment.teams[demo].training[digits].resources.cpu: ")


def test_all_faults_are_listed(config: Callable[..., None]):
    config(HERE / "malformed" / "many-faults.yaml")
    assert len(error()) == 9


def test_a_text_where_a_mapping_should_be(config: Callable[..., None]):
    config(HERE / "malformed" / "config-environment-text.yaml")
    (line,) = error()
    assert "environment: is a text; write a mapping" in line


def test_a_secret_is_refused_and_not_shown(config: Callable[..., None]):
    config(HERE / "valid" / "issue.yaml", secret=True)
    (line,) = error()
    assert "holds a secret value; keep secrets in Kubernetes Secrets" in line


def test_a_stack_without_the_key(config: Callable[..., None]):
    config(HERE / "malformed" / "config-project-misspelt.yaml")
    (line,) = error()
    assert "is required in config, as ml-platform:environment" in line


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (KEY, "environment"),
        ("environment", "environment"),
        ("ml-platform:config:environment", "environment"),
        ("aws:region", None),
        ("aws:config:region", None),
    ],
)
def test_spellings_of_a_config_key(key: str, name: str | None):
    assert own_key(key) == name


def test_the_line_is_found_in_each_spelling():
    from stacks.language.stack_file import parse_stack_file

    for key in (KEY, "environment", "ml-platform:config:environment"):
        file = parse_stack_file(f"config:\n  {key}:\n    cluster: {{}}\n")
        assert file.line_of((*config_path(file, "environment"), "cluster")) == 3
