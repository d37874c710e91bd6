"""A running embedded cluster as the tests use it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml

from local import locking
from local.addons.install import Kubectl
from local.commands.prepare import prepare, samples_of, start_cluster
from local.node.embedded import EmbeddedNode
from local.paths import INSTANCES, LOCAL, Instance
from local.progress import Steps
from local.pulumi_cli.cli import Pulumi
from local.waiting import wait_until
from stacks.check import read_environment
from stacks.clouds.config import LocalCluster
from stacks.environment.installed import from_embedded_mirror

T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T], seconds: float) -> T:
    """Poll until `condition` gives something true; fails naming `what` after `seconds`."""
    value = wait_until(condition, seconds, interval=0.5)
    if not value:
        raise AssertionError(f"{what}: not within {seconds:.0f} s")
    return value


@contextmanager
def running(name: str, stack_file: Path) -> Generator[EmbeddedCluster]:
    """The instance `name` with a Pulumi on an empty stack; nothing of it is left after the block."""
    instance = INSTANCES[name]
    # Who starts the cluster first removes an earlier one: it must not be that of tests which still run.
    with locking.or_fail(LOCAL / f"{name}.lock", f"this checkout's cluster {name!r}"):
        try:
            cluster = EmbeddedCluster.start(instance, stack_file)
        except BaseException:
            EmbeddedNode(instance, {}).stop()  # its folder stays: the message names a log there
            raise
        try:
            yield cluster
        finally:
            cluster.stop()


class EmbeddedCluster:
    """An instance for tests: its node, a kubectl, and Pulumi on a stack file that a test may change."""

    def __init__(self, node: EmbeddedNode, pulumi: Pulumi) -> None:
        self.node = node
        self.pulumi = pulumi
        self.audit_log = node.instance.logs / "audit.log"

    @classmethod
    def start(cls, instance: Instance, stack_file: Path) -> EmbeddedCluster:
        environment = read_environment(stack_file)
        cluster, entries = environment.cluster, from_embedded_mirror(environment)
        samples = samples_of(environment)
        assert isinstance(cluster, LocalCluster)
        with Steps() as steps:
            programs = prepare(steps, entries, samples)
            # Whatever an earlier, killed run left.
            EmbeddedNode(instance, programs).stop()
            shutil.rmtree(instance.folder, ignore_errors=True)
            node = start_cluster(instance, programs, cluster, steps, entries, environment.gpu, samples)
        copy = instance.folder / "Pulumi.test.yaml"
        shutil.copyfile(stack_file, copy)
        pulumi = Pulumi(instance, programs, stack="test", stack_file=copy)
        pulumi.ensure()
        pulumi.ensure_stack()
        return cls(node, pulumi)

    def start_again(self) -> None:
        """Bring the cluster up after it was stopped and forgotten: a new one, with addresses of its own."""
        environment = read_environment(self.pulumi.stack_file)
        assert isinstance(environment.cluster, LocalCluster)
        with Steps() as steps:
            self.node = start_cluster(
                self.node.instance,
                self.node.programs,
                environment.cluster,
                steps,
                gpu=environment.gpu,
                samples=samples_of(environment),
            )

    def program_pid(self, name: str) -> int:
        """The machine's PID of one program of the node."""
        children = Path(f"/proc/{self.node.init_pid()}/task/{self.node.init_pid()}/children").read_text()
        for word in children.split():
            program = Path(f"/proc/{word}/cmdline").read_bytes().split(b"\0")[0].decode()
            if Path(program).name == name:
                return int(word)
        raise AssertionError(f"{name} is not running")

    def stop(self) -> None:
        self.node.stop()
        left = self.node.leftovers()
        shutil.rmtree(self.node.instance.folder)
        assert not left

    # -- Pulumi ----------------------------------------------------------------------------------------------

    def run(self, *words: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Pulumi on the test stack; with `ok` it must succeed."""
        done = self.pulumi.run(*words, "--stack", self.pulumi.stack, timeout=600)
        if ok:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def up(self, *words: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--yes", "--skip-preview", *words, ok=ok)

    def outputs(self) -> Any:
        return self.pulumi.outputs()

    def set_secret(self, name: str, value: str) -> None:
        """A value under `ml-platform:secrets`, as a person sets it: by the keyboard, and encrypted into the file."""
        words = ("config", "set", "--secret", "--path", f"ml-platform:secrets.{name}", "--stack", self.pulumi.stack)
        done = subprocess.run(
            [*self.pulumi.command(*words), "--config-file", str(self.pulumi.stack_file)],
            env=self.pulumi.environment(),
            input=value,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    @contextmanager
    def changed_config(self, change: Callable[[Any], None]) -> Generator[None]:
        """The stack file with `change` made to its environment, until the block ends."""
        original = self.pulumi.stack_file.read_text()
        document = yaml.safe_load(original)
        change(document["config"]["ml-platform:environment"])
        self.pulumi.stack_file.write_text(yaml.safe_dump(document, sort_keys=False))
        try:
            yield
        finally:
            self.pulumi.stack_file.write_text(original)

    # -- Kubernetes ------------------------------------------------------------------------------------------

    def kubectl(self, *words: str, ok: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            Kubectl(self.node).command(*words),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if ok:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("get", *words, "-o", "json").stdout)

    def mutations(self) -> int:
        """How many changing requests of a person or of Pulumi the API server has seen.

        The cluster's own controllers, nodes and add-ons are left out: they never rest.
        """
        lines = self.audit_log.read_text().splitlines()
        return sum(json.loads(line)["user"]["username"] == "ml-platform-admin" for line in lines)

    # -- the workload ----------------------------------------------------------------------------------------

    @property
    def server(self) -> Mapping[str, Any]:
        return self.outputs()["teams"]["demo"]["serving"]["digits"]

    def samples(self) -> Any:
        """The held-out samples that the training put beside the model that is served."""
        server = self.server
        read = 'cat "$MODEL_ROOT/$MODEL_NAME/$MODEL_VERSION/samples.json"'
        done = self.kubectl(
            *("exec", "-n", server["namespace"], f"deployment/{server['workload']['name']}", "--", "sh", "-c", read)
        )
        return json.loads(done.stdout)
