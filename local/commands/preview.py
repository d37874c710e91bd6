"""`make preview`: what `pulumi up` would change, what the policy pack finds, and in a cloud what it costs a month."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from local import process
from local.commands.prepare import built_programs, existing_pulumi
from local.errors import Failure
from local.paths import INSTANCES, LOCAL, ROOT
from local.progress import Steps
from local.pulumi_cli.cli import Pulumi
from local.pulumi_cli.home import Home
from local.pulumi_cli.installed import installed_cli
from local.stack import policy_options, read_stack, stack_file
from stacks.clouds.login import CloudLogin
from stacks.team_stack.config import TeamStack

GUIDE = "docs/team-stacks.md"


def show(stack: str, words: Sequence[str]) -> int:
    """Preview a stack with Pulumi's own display; further words go to Pulumi. Returns its exit code."""
    config = read_stack(stack_file(stack))
    if isinstance(config, TeamStack) or config.cluster.login:
        return _show_shared(stack, config.cluster.login, words)
    pulumi = existing_pulumi(stack)
    pulumi.ensure_stack()
    return pulumi.show("preview", "--stack", stack, *policy_options(stack), *words)


# -- stacks that people share --------------------------------------------------------------------------------


def _show_shared(stack: str, login: CloudLogin | None, words: Sequence[str]) -> int:
    # Pulumi would say these three things too, each late and among pages of its own.
    if login:
        check_credentials(stack, login)
    environment = users_environment(os.environ)
    with Steps() as steps:
        if installed_cli() is None:
            Home(INSTANCES["dev"].folder / "pulumi").link_programs(built_programs(steps, cluster=False))
        check_stack(stack, environment, login.guide if login else GUIDE)
        ensure_plugins(environment, steps, login.plugins if login else ("kubernetes",))
    record = LOCAL / "log" / f"preview-{stack}.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    # It names everything that the stack has, and holds what is in ConfigMaps.
    record.touch(mode=0o600)
    command = ["pulumi", "preview", "--stack", stack, "--cwd", str(ROOT), *policy_options(stack), *words]
    # One run for both: Pulumi's display on the screen, and its events for the bill. The automation API of
    # Pulumi records them in the same way; the CLI hides the option behind the variable.
    code = subprocess.run(
        [*command, "--event-log", str(record)], env={**environment, "PULUMI_DEBUG_COMMANDS": "true"}, check=False
    ).returncode
    # Whoever asked for JSON on stdout gets nothing else there.
    show_bill(record, stderr=not {"--json", "-j"}.isdisjoint(words))
    return code


def users_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The user's environment, with Pulumi and our Python on the PATH.

    The state of a stack that people share is where the user has logged in, and not in this checkout. So what a shell
    got from `source .local/dev/env` is left out.
    """
    ours = Pulumi(INSTANCES["dev"], {}).variables()
    kept = {name: value for name, value in inherited.items() if value != ours.get(name)}
    return kept | {"PATH": ours["PATH"], "PULUMI_SKIP_UPDATE_CHECK": "true"}


def check_credentials(stack: str, login: CloudLogin) -> None:
    """Raises Failure unless the cloud accepts the user's credentials."""
    # A process: local/ imports nothing of ops/, and the SDK of a cloud, slow to import, is for these stacks only.
    command = [sys.executable, "-m", *login.credentials]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"the stack {stack!r} is on {login.cloud}, and {reason(done)}"
        raise Failure(message, f"{login.guide} says what a preview needs")


def check_stack(stack: str, environment: Mapping[str, str], guide: str) -> None:
    """Raises Failure unless the user has logged in to a state that has the stack."""
    done = _run(environment, "stack", "--show-name", "--stack", stack, "--non-interactive", "--cwd", str(ROOT))
    if done.returncode != 0:
        raise Failure(
            f"the stack {stack!r} cannot be opened: {reason(done)}",
            "log in to its state with 'pulumi login', and make a stack that is not there yet with 'pulumi stack init' "
            f"({guide}, Before the first up)",
        )


def ensure_plugins(environment: Mapping[str, str], steps: Steps, names: Sequence[str]) -> None:
    """Install the provider plugins that the user's Pulumi lacks, in the versions of the Python packages.

    Raises Failure where they cannot be had.
    """
    done = _run(environment, "plugin", "ls", "--json")
    if done.returncode != 0:
        raise Failure(
            f"Pulumi's plugins could not be listed: {reason(done)}",
            "see 'pulumi plugin ls'",
        )
    there = {(plugin["name"], plugin["version"].removeprefix("v")) for plugin in json.loads(done.stdout)}
    for name in names:
        version = metadata.version(f"pulumi-{name}")
        # Pulumi takes one from the PATH too, whatever its version.
        if (name, version) in there or shutil.which(f"pulumi-resource-{name}", path=environment["PATH"]):
            continue
        with steps.step(f"Pulumi's plugin {name} {version}"):
            process.run(
                ["pulumi", "plugin", "install", "resource", name, version, "--non-interactive"],
                env=environment,
                log=LOCAL / "log" / "plugins.log",
                what=f"Pulumi's plugin {name} {version} could not be downloaded",
                remedy="let this machine reach Pulumi's downloads, or bring the plugin's archive here: "
                f"'pulumi plugin install resource {name} {version} --file ARCHIVE'",
            )


def _run(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pulumi", *words], env=dict(environment), capture_output=True, text=True, check=False)


def reason(done: subprocess.CompletedProcess[str]) -> str:
    """Why Pulumi failed, in its own words."""
    return process.last_words(done.stderr.splitlines()).removeprefix("error: ")


def show_bill(record: Path, *, stderr: bool) -> None:
    """Print what the previewed stack costs a month, on stdout or stderr."""
    subprocess.run([sys.executable, "-m", "ops.cost", str(record)], cwd=ROOT, stdout=2 if stderr else None, check=False)
