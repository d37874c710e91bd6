"""`make preview`: which Pulumi runs with which options, the bill after it, and one line for what is in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from local.commands import preview
from local.errors import Failure
from local.paths import Instance
from local.pulumi_cli.cli import Pulumi
from stacks.clouds.aws.login import login

RECORDED = Path(__file__).parents[2] / "ops" / "previews"
PROVIDERS = login(region=None).plugins
PLUGINS = [{"name": name, "kind": "resource", "version": metadata.version(f"pulumi-{name}")} for name in PROVIDERS]
# Answers as the CLI does, from files beside it, and writes down how it was called.
CLI = """#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
case "$1 $2" in
  version*) echo v3.259.0 ;;
  stack*) [ ! -e "$here/stack-error" ] || { cat "$here/stack-error" >&2; exit 255; } ;;
  "plugin ls") cat "$here/plugins.json" ;;
  "plugin install") echo "error: failed to download plugin" >&2; exit 1 ;;
  preview*)
    env > "$here/environment"
    echo "the display of Pulumi"
    for word; do [ "$last" != --event-log ] || cat "$here/record.json" > "$word"; last=$word; done
    exit "$(cat "$here/code")" ;;
esac
"""


class Elsewhere(Instance):
    """An instance whose folder is a test's own."""

    @property
    def folder(self) -> Path:
        return Path(self.name)


@dataclass(frozen=True, kw_only=True)
class UsersPulumi:
    """A CLI on PATH that only pretends: what it is to answer, and how it was called."""

    folder: Path

    def answer(self, recorded: str, code: int = 0) -> None:
        (self.folder / "record.json").write_bytes((RECORDED / recorded).read_bytes())
        (self.folder / "code").write_text(str(code))

    def previews(self) -> list[str]:
        return [call for call in self.calls() if call.startswith("preview ")]

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def environment(self) -> dict[str, str]:
        lines = (self.folder / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UsersPulumi:
    """A machine with a Pulumi of the user's own and every plugin, without AWS credentials."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        (folder / name).write_text(CLI)
        (folder / name).chmod(0o755)
    (folder / "plugins.json").write_text(json.dumps(PLUGINS))
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(preview, "LOCAL", tmp_path / "local")
    monkeypatch.setattr(preview, "INSTANCES", {"dev": Elsewhere(name=str(tmp_path / "dev"))})
    return UsersPulumi(folder=folder)


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The URL of an AWS that accepts any credentials. A server, since processes of the command ask it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def credentials(machine: UsersPulumi, aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom AWS accepts."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)


@pytest.fixture
def accepted(machine: UsersPulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, for a test of what comes after: nobody asks AWS, which takes a process."""
    monkeypatch.setattr(preview, "check_credentials", lambda stack, login: None)


@pytest.mark.parametrize(
    ("stack", "config"),
    [("dev", "default"), ("staging", "default"), ("prod", "prod"), ("prod-vision", "prod"), ("production", "default")],
)
def test_production_has_the_stricter_policies(stack: str, config: str) -> None:
    assert preview.policy_options(stack) == (
        *("--policy-pack", "policy"),
        *("--policy-pack-config", f"policy/config/{config}.json"),
    )


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("stack", ["staging", "prod", "prod-vision"])
def test_a_stack_on_aws_is_previewed_once_and_priced(
    stack: str, machine: UsersPulumi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.answer("prod.json")
    assert preview.show(stack, ("--diff",)) == 0
    (call,) = machine.previews()
    assert f"--stack {stack} " in call
    assert " ".join(preview.policy_options(stack)) in call
    assert "--diff" in call
    assert machine.environment()["PULUMI_DEBUG_COMMANDS"] == "true"
    shown = capfd.readouterr().out
    for words in (
        "the display of Pulumi",
        "$1,869 to $147,798 a month",
        "By team",
        "vision",
        "By pool",
        "training-gpu",
    ):
        assert words in shown
    record = tmp_path / "local" / "log" / f"preview-{stack}.json"
    assert record.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("accepted")
def test_the_exit_code_is_pulumis(machine: UsersPulumi, capfd: pytest.CaptureFixture[str]) -> None:
    machine.answer("failed.json", code=255)
    assert preview.show("prod", ()) == 255
    assert "no cost estimate" in capfd.readouterr().out


@pytest.mark.usefixtures("accepted")
def test_whoever_asks_for_json_gets_nothing_else_on_stdout(
    machine: UsersPulumi, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.answer("prod.json")
    preview.show("prod", ("--json",))
    out, err = capfd.readouterr()
    assert out == "the display of Pulumi\n"
    assert "a month" in err


def test_a_stack_on_this_machine_has_the_policies_and_its_own_state(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []

    class Recording(Pulumi):
        def __init__(self) -> None:
            pass

        def ensure_stack(self) -> None:
            calls.append(("ensure_stack",))

        def show(self, *words: str) -> int:
            calls.append(words)
            return 3

    monkeypatch.setattr(preview, "existing_pulumi", lambda stack: Recording())
    assert preview.show("dev", ("--diff",)) == 3
    assert calls == [("ensure_stack",), ("preview", "--stack", "dev", *preview.policy_options("dev"), "--diff")]


# -- what stands in the way ----------------------------------------------------------------------------------


def failure_of(stack: str) -> str:
    with pytest.raises(Failure) as caught:
        preview.show(stack, ())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("stack", ["staging", "prod-vision"])
def test_without_aws_credentials_one_line_says_so(stack: str, machine: UsersPulumi) -> None:
    words = failure_of(stack)
    assert words.startswith(f"the stack {stack!r} is on AWS, and no AWS credentials")
    assert "aws sso login" in words
    assert not (machine.folder / "calls").exists()


@pytest.mark.usefixtures("accepted")
def test_without_a_login_one_line_says_so(machine: UsersPulumi) -> None:
    (machine.folder / "stack-error").write_text("warning: x\nerror: no stack named 'prod' found\n")
    words = failure_of("prod")
    assert "the stack 'prod' cannot be opened: no stack named 'prod' found" in words
    assert "pulumi login" in words
    assert not machine.previews()


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin["name"])
def test_without_a_plugin_that_can_be_had_one_line_says_so(plugin: dict[str, str], machine: UsersPulumi) -> None:
    left = [other for other in PLUGINS if other != plugin]
    (machine.folder / "plugins.json").write_text(json.dumps([*left, {**plugin, "version": "1.0.0"}]))
    words = failure_of("prod")
    assert f"plugin {plugin['name']} {plugin['version']} could not be downloaded: error: failed to download" in words
    assert "--file" in words
    assert not machine.previews()


@pytest.mark.usefixtures("accepted")
def test_a_plugin_on_the_path_is_enough(machine: UsersPulumi) -> None:
    machine.answer("prod.json")
    (machine.folder / "plugins.json").write_text("[]")
    for name in PROVIDERS:
        (machine.folder / f"pulumi-resource-{name}").write_text(CLI)
        (machine.folder / f"pulumi-resource-{name}").chmod(0o755)
    assert preview.show("prod", ()) == 0


# -- the login and the bill ----------------------------------------------------------------------------------


def test_the_login_is_the_users_and_never_that_of_dev(machine: UsersPulumi) -> None:
    dev = Pulumi(preview.INSTANCES["dev"], {}).variables()
    user = {
        "PULUMI_BACKEND_URL": "s3://state",
        "PULUMI_ACCESS_TOKEN": "pul-1",
        "AWS_PROFILE": "ml",
        "PULUMI_HOME": "/p",
    }
    assert user.items() <= preview.users_environment(user).items()
    sourced = preview.users_environment({**dev, "AWS_PROFILE": "ml"})
    assert {name for name in sourced if name in dev} == {"PATH", "PULUMI_SKIP_UPDATE_CHECK"}
    assert sourced["AWS_PROFILE"] == "ml"
