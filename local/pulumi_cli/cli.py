"""The Pulumi CLI with a backend, a home and a passphrase of the instance's own: the user's login is never touched."""

import filecmp
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import yaml

from local import process
from local.errors import Failure
from local.explain import queues
from local.node import pki
from local.node.addresses import cluster_range
from local.paths import LOCAL, ROOT, Instance, mirror_folder
from local.progress import Steps
from local.toolchain.tool import Tool
from local.toolchain.tools import PULUMI_CLI, PULUMI_KUBERNETES, PULUMI_PROVIDER
from stacks.catalog_config import EMBEDDED_VARIABLE

CLI_MINIMUM = (3, 200)
#: A local update that takes longer than this may wait for something that does not come.
PATIENCE_SECONDS = 90
PLUGIN = f"resource-kubernetes-{PULUMI_KUBERNETES}"
HOST = Path(__file__).with_name("host") / "host.py"


def installed_cli() -> Path | None:
    """Pulumi from PATH when it is new enough and has its Python language host beside it."""
    program = shutil.which("pulumi")
    # After `source .local/dev/env` the one on PATH is ours: built, and as new as its pin says.
    if program is None or shutil.which("pulumi-language-python") is None or Path(program).is_relative_to(LOCAL):
        return None
    try:
        version = process.output([program, "version"], env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"})
    except Failure:
        return None
    match = re.match(r"v?(\d+)\.(\d+)", version)
    return Path(program) if match and (int(match[1]), int(match[2])) >= CLI_MINIMUM else None


def tools_to_build() -> tuple[Tool, ...]:
    """The tools that Pulumi itself needs built: none where the machine has a Pulumi with the provider's plugin."""
    if installed_cli() is None:
        return (PULUMI_PROVIDER, PULUMI_CLI)
    return () if (_users_plugins() / PLUGIN).is_dir() else (PULUMI_PROVIDER,)


def _users_plugins() -> Path:
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"


class Pulumi:
    """Runs the program of this repository (or of `project`) on one stack of one instance."""

    def __init__(
        self,
        instance: Instance,
        programs: Mapping[str, Path],
        *,
        stack: str = "dev",
        project: Path = ROOT,
        stack_file: Path | None = None,
        embedded: bool = True,
    ) -> None:
        """`embedded`: the stack's cluster is the instance's own, not one of the user's kubeconfig."""
        self.instance = instance
        self.programs = programs
        self.stack = stack
        self.project = project
        self.stack_file = stack_file or project / f"Pulumi.{stack}.yaml"
        self.embedded = embedded
        self.folder = instance.folder / "pulumi"
        self.bin = self.folder / "bin"
        self.passphrase = self.folder / "passphrase"

    def variables(self) -> dict[str, str]:
        """What a shell needs for plain `pulumi preview` and `up` on this stack."""
        kubeconfig = str(self.instance.kubeconfig)
        return {
            "PATH": f"{self.bin}:{ROOT / '.local' / 'venv' / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_STACK": self.stack,
            # The salt of the passphrase is in the state: the stack file need not hold it.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        } | (
            {"ML_PLATFORM_KUBECONFIG": kubeconfig, "KUBECONFIG": kubeconfig, EMBEDDED_VARIABLE: str(mirror_folder())}
            if self.embedded
            else {}
        )

    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            # A login, a passphrase or an access token of the user's own plays no part here.
            if not name.startswith("PULUMI_") or name in ("PULUMI_PARALLEL", "PULUMI_OPTION_PARALLEL")
        }
        # The provider leaves a kubeconfig behind in the folder for temporary files: let that be one of our own.
        return inherited | self.variables() | {"TMPDIR": str(self.folder / "tmp")}

    def ensure(self) -> None:
        """Make the home, the backend and the passphrase."""
        for name in ("home/plugins", "state", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        if not self.passphrase.exists():
            pki.write_private(self.passphrase, f"{secrets.token_urlsafe(32)}\n".encode())
        plugin = self.folder / "home" / "plugins" / PLUGIN
        if PULUMI_PROVIDER.programs[0] in self.programs:
            plugin.mkdir(exist_ok=True)
            link(plugin / "pulumi-resource-kubernetes", self.programs["pulumi-resource-kubernetes"])
        elif not plugin.exists():
            plugin.symlink_to(_users_plugins() / PLUGIN)
        self.link_programs()
        exports = "".join(
            f"export {name}={shlex.quote(value)}\n" if name != "PATH" else f"export PATH={self._path_export()}\n"
            for name, value in self.variables().items()
        )
        if self.embedded:
            exports += "".join(
                f'export {name}="${{{name}:+${name},}}{cluster_range()}"\n' for name in ("NO_PROXY", "no_proxy")
            )
        (self.instance.folder / "env").write_text(exports)

    def link_programs(self) -> None:
        """Put the built CLI, its language host and kubectl where `variables()` has the PATH begin."""
        self.bin.mkdir(parents=True, exist_ok=True, mode=0o700)
        if "pulumi" in self.programs:
            # The CLI looks for its language host beside itself, and would warn of one from elsewhere.
            hard_link(self.bin / "pulumi", self.programs["pulumi"])
            python = f"exec {shlex.quote(sys.executable)} -u"
            # As in Pulumi's own distribution: the language host, and what runs resources written in Python.
            for name, words in {
                "pulumi-language-python": shlex.quote(str(HOST)),
                "pulumi-resource-pulumi-python": "-m pulumi.dynamic",
            }.items():
                script, text = self.bin / name, f'#!/bin/sh\n{python} {words} "$@"\n'
                if not script.exists() or script.read_text() != text:
                    script.write_text(text)
                    script.chmod(0o755)
        if "kubectl" in self.programs:
            link(self.bin / "kubectl", self.programs["kubectl"])

    def _path_export(self) -> str:
        own = (str(self.bin), str(ROOT / ".local" / "venv" / "bin"))
        return ":".join([*map(shlex.quote, own), '"$PATH"'])

    def command(self, *words: str) -> list[str]:
        """A command line of the CLI. It reads a copy of the stack file, since it writes its salt into what it reads."""
        options = ["--non-interactive", "--cwd", str(self.project)]
        if words[0] in ("up", "preview", "refresh", "destroy"):
            copy = self.folder / f"Pulumi.{self.stack}.yaml"
            shutil.copyfile(self.stack_file, copy)
            options += ["--config-file", str(copy)]
        return ["pulumi", *words, *options]

    def run(self, *words: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run the CLI, capturing what it prints; the caller looks at the exit code."""
        return subprocess.run(
            self.command(*words),
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def show(self, *words: str) -> int:
        """Run the CLI with its own display on the screen, which is a live one where that is a terminal."""
        command = [word for word in self.command(*words) if word != "--non-interactive"]
        return subprocess.run(command, env=self.environment(), check=False).returncode

    def ensure_stack(self) -> None:
        """Make the stack when it does not exist."""
        project = yaml.safe_load((self.project / "Pulumi.yaml").read_text())["name"]
        if (self.folder / "state" / ".pulumi" / "stacks" / project / f"{self.stack}.json").exists():
            return
        # `stack init` writes a salt into the stack file of its project: let that be a project of its own.
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            shutil.copyfile(self.project / "Pulumi.yaml", Path(folder) / "Pulumi.yaml")
            done = subprocess.run(
                ["pulumi", "stack", "init", self.stack, "--no-select", "--non-interactive", "--cwd", folder],
                env=self.environment(),
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0:
            raise Failure(
                f"the stack {self.stack!r} could not be made: {process.last_words(done.stderr.splitlines())}",
                f"remove {self.folder / 'state'} to start with an empty state",
            )

    def recover(self) -> None:
        """Clean up after an update that was killed: its lock, and creations that it did not see end.

        What was created without being recorded converges by itself: every object has a name of its own, and the
        provider applies server-side.
        """
        for lock in (self.folder / "state" / ".pulumi" / "locks").rglob(f"{self.stack}/*.json"):
            holder = lock_holder(lock)
            if holder is not None:
                raise Failure(
                    f"another update of the stack {self.stack!r} is running (process {holder})",
                    "wait for its end, or end it, then run the same command again",
                )
            self.run("cancel", "--yes", "--stack", self.stack)

    def has_resources(self) -> bool:
        done = self.run("stack", "export", "--stack", self.stack)
        return done.returncode == 0 and bool((json.loads(done.stdout)["deployment"] or {}).get("resources"))

    def outputs(self) -> dict[str, object]:
        done = self.run("stack", "output", "--json", "--stack", self.stack)
        if done.returncode != 0:
            raise Failure(
                f"the outputs could not be read: {process.last_words(done.stderr.splitlines())}", "run 'make up' first"
            )
        return json.loads(done.stdout)

    def up(self, steps: Steps, *options: str, queued: bool = False) -> None:
        """`queued`: training of the stack may wait in a queue, and the display says why."""
        self._update("up", "--skip-preview", *options, steps=steps, queued=queued)

    def destroy(self, steps: Steps) -> None:
        self._update("destroy", "--skip-preview", steps=steps)

    def _update(self, operation: str, *words: str, steps: Steps, queued: bool = False) -> None:
        self.recover()
        with steps.step(f"pulumi {operation}, stack {self.stack}") as step:

            def note(line: str) -> None:
                if line.strip():
                    hint = " ('make status' says what waits and why)" if step.seconds() > PATIENCE_SECONDS else ""
                    step.note = f"{' '.join(line.split())[:70]}{hint}"

            with queues.explained(step, lambda: queues.workloads_of(self.environment())) if queued else nullcontext():
                process.run(
                    self.command(operation, "--yes", *words, "--suppress-progress", "--stack", self.stack),
                    env=self.environment(),
                    log=self.instance.logs / f"pulumi-{operation}.log",
                    what=f"pulumi {operation} on the stack {self.stack!r} failed",
                    remedy="mend what the log names, then run the same command again: what was done stays done",
                    on_line=note,
                )


def lock_holder(lock: Path) -> int | None:
    """The process that holds a lock of Pulumi's file backend; None when it has ended, or the file is half-written.

    After a reboot another program may have its number.
    """
    try:
        holder = json.loads(lock.read_text())["pid"]
        running = Path(f"/proc/{holder}/comm").read_text().strip()
    except (OSError, ValueError, KeyError):
        return None
    return holder if running == "pulumi" else None


def link(name: Path, target: Path) -> None:
    """A symbolic link that is right, whatever was there before."""
    if name.is_symlink() and name.readlink() == target:
        return
    partial = name.with_name(f".{name.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.rename(name)


def hard_link(name: Path, target: Path) -> None:
    """A second name of a file, or a copy of it where the file system cannot have two."""
    if name.is_file() and not name.is_symlink() and (name.samefile(target) or filecmp.cmp(name, target)):
        return
    partial = name.with_name(f".{name.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        partial.hardlink_to(target)
    except OSError:
        shutil.copy2(target, partial)
    partial.rename(name)
