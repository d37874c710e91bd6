"""The Pulumi CLI with a backend, a home and a passphrase of the instance's own: the user's login is never touched."""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import yaml

from local import process
from local.errors import Failure
from local.explain import waits
from local.node.addresses import cluster_range
from local.node.pki import write_private
from local.paths import ROOT, VENV_BIN, Instance, mirror_folder
from local.progress import Steps
from local.pulumi_cli import cluster, recovery, survivors
from local.pulumi_cli.home import Home
from stacks.catalog.config import EMBEDDED_VARIABLE
from stacks.clouds.kubeconfig import KubeconfigCluster

#: A local update that takes longer than this may wait for something that does not come.
PATIENCE_SECONDS = 90


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
        cluster: KubeconfigCluster | None = None,
    ) -> None:
        """`embedded`: the stack is on the cluster of the instance; otherwise `cluster` says on which."""
        self.instance = instance
        self.programs = programs
        self.stack = stack
        self.project = project
        self.stack_file = stack_file or project / f"Pulumi.{stack}.yaml"
        self.embedded = embedded
        self.cluster = cluster
        self.home = Home(instance.folder / "pulumi")

    # -- the environment -------------------------------------------------------------------------------------

    def variables(self) -> dict[str, str]:
        """What a shell needs for plain `pulumi preview` and `up` on this stack."""
        kubeconfig = str(self.instance.kubeconfig)
        return {
            "PATH": f"{self.home.bin}:{VENV_BIN}:{os.environ.get('PATH', os.defpath)}",
            "PULUMI_HOME": str(self.home.home),
            "PULUMI_BACKEND_URL": f"file://{self.home.state}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.home.passphrase),
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
        return inherited | self.variables()

    def cluster_environment(self) -> dict[str, str]:
        """The environment of a kubectl for the stack's cluster, whatever the user's current context is."""
        if self.cluster is None:
            return self.environment()
        files = [self.cluster.kubeconfig_path(os.environ, Path.home())]
        if self.cluster.context is not None:
            # kubectl merges the files, and the first one that names a current context wins.
            chosen = self.home.folder / f"context-{self.stack}"
            content = {"apiVersion": "v1", "kind": "Config", "current-context": self.cluster.context}
            write_private(chosen, yaml.safe_dump(content).encode())
            files.insert(0, chosen)
        return self.environment() | {"KUBECONFIG": ":".join(map(str, files))}

    def ensure(self) -> None:
        """Make the home, the backend, the passphrase, and the file of shell lines for plain Pulumi."""
        self.home.ensure(self.programs)
        variables = self.variables()
        own = ":".join(shlex.quote(str(folder)) for folder in (self.home.bin, VENV_BIN))
        exports = [f'export PATH={own}:"$PATH"']
        exports += [f"export {name}={shlex.quote(value)}" for name, value in variables.items() if name != "PATH"]
        if self.embedded:
            exports += [f'export {name}="${{{name}:+${name},}}{cluster_range()}"' for name in ("NO_PROXY", "no_proxy")]
        (self.instance.folder / "env").write_text("".join(f"{line}\n" for line in exports))

    # -- commands --------------------------------------------------------------------------------------------

    def command(self, *words: str) -> list[str]:
        """A command line of the CLI. It reads a copy of the stack file, since it writes its salt into what it reads."""
        options = ["--non-interactive", "--cwd", str(self.project)]
        if words[0] in ("up", "preview", "refresh", "destroy"):
            copy = self.home.folder / f"Pulumi.{self.stack}.yaml"
            shutil.copyfile(self.stack_file, copy)
            options += ["--config-file", str(copy)]
        return ["pulumi", *words, *options]

    def run(
        self, *words: str, timeout: float | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the CLI, capturing what it prints; the caller looks at the exit code."""
        return subprocess.run(
            self.command(*words),
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def show(self, *words: str) -> int:
        """Run the CLI with its own display on the screen, which is a live one where that is a terminal."""
        command = [word for word in self.command(*words) if word != "--non-interactive"]
        return subprocess.run(command, env=self.environment(), check=False).returncode

    def up(self, steps: Steps, *options: str, queued: bool = False) -> None:
        """`queued`: training of the stack may wait in a queue, and the display says why."""
        self._update("up", "--skip-preview", *options, steps=steps, queued=queued)

    def destroy(self, steps: Steps) -> None:
        self._update("destroy", "--skip-preview", steps=steps)

    def _update(self, operation: str, *words: str, steps: Steps, queued: bool = False) -> None:
        self.recover(steps)
        with steps.step(f"pulumi {operation}, stack {self.stack}") as step:

            def note(line: str) -> None:
                if line.strip():
                    hint = " ('make status' says what waits and why)" if step.seconds() > PATIENCE_SECONDS else ""
                    step.note = f"{' '.join(line.split())[:70]}{hint}"

            def look() -> str:
                return waits.wait_line(self.cluster_environment(), queued=queued)

            try:
                with waits.explained(step, look) if operation == "up" else nullcontext():
                    process.run(
                        self.command(operation, "--yes", *words, "--suppress-progress", "--stack", self.stack),
                        env=self.environment(),
                        log=self.instance.logs / f"pulumi-{operation}.log",
                        what=f"pulumi {operation} on the stack {self.stack!r} failed",
                        remedy="correct what the log names, then run the same command again: what was done stays done",
                        on_line=note,
                    )
            except Failure as failure:
                # What it waited for when it gave up: Pulumi itself says only that it waited.
                if operation == "up" and failure.code and (line := look()):
                    raise Failure(f"{failure.what} ({line})", failure.remedy, failure.log, code=failure.code) from None
                raise

    # -- the state -------------------------------------------------------------------------------------------

    @property
    def checkpoint(self) -> Path:
        """The file in which Pulumi keeps the stack's state."""
        project = yaml.safe_load((self.project / "Pulumi.yaml").read_text())["name"]
        return self.home.state / ".pulumi" / "stacks" / project / f"{self.stack}.json"

    def _deployment(self) -> dict[str, Any]:
        """The state's resources and pending operations as its file has them; empty when there are none."""
        if not self.checkpoint.exists():
            return {}
        return json.loads(self.checkpoint.read_text())["checkpoint"].get("latest") or {}

    def has_resources(self) -> bool:
        return bool(self._deployment().get("resources"))

    def outputs(self) -> dict[str, object]:
        done = self.run("stack", "output", "--json", "--stack", self.stack)
        if done.returncode != 0:
            raise Failure(
                f"the outputs could not be read: {process.last_words(done.stderr.splitlines())}", "run 'make up' first"
            )
        return json.loads(done.stdout)

    def ensure_stack(self) -> None:
        """Make the stack when it does not exist."""
        if self.checkpoint.exists():
            return
        # `stack init` writes a salt into the stack file of its project: let that be a project of its own.
        with tempfile.TemporaryDirectory(dir=self.home.folder) as folder:
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
                f"remove {self.home.state} to start with an empty state",
            )

    def recover(self, steps: Steps) -> recovery.Recovery | None:
        """Clean up after an update that was killed: wait for it if it still runs, then settle what it left pending.

        Returns what was settled, None when nothing was pending. Raises Failure, with the state as it was, when the
        cluster does not answer, or for an operation of which nothing can be said.
        """
        survivors.wait_for_updates(self.home.state, self.stack, steps)
        survivors.end_providers(self.home.temporary)
        if not self._deployment().get("pending_operations"):
            return None
        with steps.step(f"settle what a killed update of stack {self.stack} left pending"):
            text = self._state("export")
            # The state as it was, should anybody want to look at it.
            write_private(self.home.folder / "before-recovery.json", text.encode())
            exported, asked = json.loads(text), self.cluster_environment()
            settled = recovery.recover(exported["deployment"], lambda wanted: cluster.find(wanted, asked))
            if settled.unknown:
                raise Failure(
                    f"nothing is known here of the pending creation of {', '.join(settled.unknown)}",
                    f"look at them, then run 'pulumi refresh --stack {self.stack}', which asks about each",
                )
            for release in settled.releases:
                cluster.unblock(release, asked)
            self._state("import", stdin=json.dumps({**exported, "deployment": settled.deployment}))
        return settled

    def _state(self, operation: str, stdin: str | None = None) -> str:
        done = self.run("stack", operation, "--stack", self.stack, stdin=stdin)
        if done.returncode != 0:
            raise Failure(
                f"pulumi stack {operation} failed: {process.last_words(done.stderr.splitlines())}",
                f"see 'pulumi stack {operation} --help'; the state is as it was",
            )
        return done.stdout
