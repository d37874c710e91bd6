"""The embedded node: one Kubernetes node whose programs live in Linux namespaces of their own.

A supervisor is the first process of a PID namespace, with a mount, network, UTS and IPC namespace beside it. That makes
the cluster tidy by construction: when that one process ends, the kernel ends every other process and container of the
cluster and takes its mounts, interfaces, sockets and iptables chains with it. Only cgroups are left to remove.

The machine reaches the node over a veth pair; nothing of the cluster listens on an address of the machine itself.
"""

import contextlib
import functools
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import process, processes
from local.errors import Failure
from local.node import certificates, cgroups, files, link, machine, programs, slots
from local.node.addresses import Addresses
from local.node.settings import Node
from local.paths import VENV_BIN, Instance
from local.waiting import wait_until

#: States of a program that supervisord starts, or starts again, by itself.
ALIVE = ("RUNNING", "STARTING", "BACKOFF")


class EmbeddedNode:
    """Starts, repairs and stops the node of one instance."""

    def __init__(self, instance: Instance, programs: Mapping[str, Path]) -> None:
        self.instance = instance
        self.programs = programs
        self.name = f"ml-platform-{instance.name}"
        # Clusters of other checkouts on this machine have other names for what all of them share.
        checkout = hashlib.sha256(str(instance.folder).encode()).hexdigest()[:6]
        self.interface = f"mlp-{checkout}"
        self.cgroup = f"/ml-platform-{instance.name}-{checkout}"
        self.certificates = instance.state / "pki"
        self.pid_file = instance.state / "node.json"

    @functools.cached_property
    def addresses(self) -> Addresses:
        """The cluster's addresses: a slot that was free when the cluster was first started, kept since then."""
        return slots.of_cluster(self.instance.state / "slot")

    def snapshotter(self) -> str:
        return machine.snapshotter(self.instance.state)

    def _node(self) -> Node:
        return Node(
            name=self.name,
            addresses=self.addresses,
            state=self.instance.state,
            programs=self.programs,
            logs=self.instance.logs,
            snapshotter=self.snapshotter(),
            cgroup=self.cgroup,
        )

    # -- state -----------------------------------------------------------------------------------------------

    def _record(self) -> Mapping[str, Any]:
        """What was recorded at the node's start: `pid`, `started`, `settings`; empty when there is no record."""
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(self.pid_file.read_text())
        return {}

    def init_pid(self) -> int | None:
        """The machine's PID of the node's first process, or None when the node is not running.

        The record holds the process's start time too: another process that was given the same PID is not mistaken
        for it.
        """
        record = self._record()
        return record["pid"] if record and processes.start_time(record["pid"]) == record["started"] else None

    def enter(self, *command: str | os.PathLike[str]) -> list[str]:
        """The command line that runs `command` inside the node."""
        pid = self.init_pid()
        if pid is None:
            raise Failure(f"the cluster {self.instance.name!r} is not running", "start it with 'make up'")
        namespaces = ("--mount", "--net", "--pid", "--uts", "--ipc")
        return ["nsenter", "--target", str(pid), *namespaces, "--wdns=/", "--", *(os.fspath(word) for word in command)]

    def program_states(self) -> dict[str, str]:
        """The supervisor's state of each program: RUNNING, STARTING, BACKOFF, FATAL, …"""
        done = subprocess.run(self._supervisorctl("status"), capture_output=True, text=True, check=False, timeout=30)
        known = programs.commands(self._node())
        lines = [line.split() for line in done.stdout.splitlines()]
        return {words[0]: words[1] for words in lines if len(words) >= 2 and words[0] in known}

    def _supervisorctl(self, *words: str) -> list[str]:
        configuration = self.instance.state / "settings" / "supervisord.conf"
        return self.enter(VENV_BIN / "supervisorctl", "-c", configuration, *words)

    def _supervisor_answers(self) -> bool:
        try:
            return bool(self.program_states())
        except (Failure, subprocess.TimeoutExpired):
            return False

    # -- start -----------------------------------------------------------------------------------------------

    def ensure(self) -> None:
        """Bring the node up, whatever state it is in; does nothing to a healthy one.

        A dead program is started again. A node that runs with another configuration or other certificates, has lost
        its link, or whose supervisor does not answer, is started anew.
        """
        machine.check_folders()
        machine.check_routes(self.addresses, self.interface)
        node = self._node()
        certificates.write(node)
        files.write(node, self.instance)
        pid = self.init_pid()
        sound = self._record().get("settings") == files.digest(node) and link.exists(self.interface)
        if pid is not None and sound and self._supervisor_answers():
            link.ensure(self.interface, self.addresses, pid)
            self._restart_dead_programs()
            return
        self.stop()
        self._start(node)

    def _start(self, node: Node) -> None:
        for name in ("var-lib/etcd", "var-lib/kubelet", "var-lib/containerd", "var-lib/cni", "var-log"):
            (node.state / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        cgroups.make(self.cgroup, leaf="node")
        log = self.instance.logs / "node.log"
        outer = processes.spawn(
            [
                *("env", "--chdir=/", "unshare", "--fork", "--kill-child", "--pid", "--mount-proc"),
                *("--mount", "--propagation", "slave", "--net", "--uts", "--ipc"),
                *("sh", str(node.settings / "enter.sh")),
            ],
            log,
        )
        wait_until(lambda: processes.first_child(outer) or processes.start_time(outer) is None, 10)
        pid = processes.first_child(outer)
        if pid is None:
            raise Failure(
                f"the node's namespaces could not be made: {process.last_line(log)}",
                "run as root on a kernel with PID, mount and network namespaces",
                log,
            )
        record = {"pid": pid, "started": processes.start_time(pid), "outer": outer, "settings": files.digest(node)}
        self.pid_file.write_text(json.dumps(record))
        link.ensure(self.interface, self.addresses, pid)
        if not wait_until(self._supervisor_answers, 30):
            raise Failure(
                f"the node's supervisor did not start: {process.last_line(log)}",
                "run 'make down', then the same command again",
                log,
            )

    def _restart_dead_programs(self) -> None:
        if dead := [name for name, state in self.program_states().items() if state not in ALIVE]:
            process.output(self._supervisorctl("start", *dead))

    # -- stop ------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the node: etcd is asked first, so that it closes its files; the kernel ends the rest."""
        pid = self.init_pid()
        if pid is not None:
            with contextlib.suppress(subprocess.SubprocessError, Failure):
                subprocess.run(self._supervisorctl("stop", "etcd"), capture_output=True, check=False, timeout=30)
            processes.end(pid)
        self._clean_leftovers()
        self.pid_file.unlink(missing_ok=True)

    def forget(self) -> None:
        """Drop the objects and addresses of a stopped cluster whose stack is destroyed; its images stay.

        The next start is a new cluster, in whatever part of the address range is free then.
        """
        for name in ("etcd", "kubelet"):
            shutil.rmtree(self.instance.state / "var-lib" / name, ignore_errors=True)
        (self.instance.state / "slot").unlink(missing_ok=True)

    def _clean_leftovers(self) -> None:
        """Remove what a killed run left: the processes of the cgroup, the cgroups, the link, sockets."""
        for pid in cgroups.processes(self.cgroup):
            processes.end(pid)
        if not wait_until(lambda: cgroups.remove(self.cgroup), 20):
            raise Failure(
                f"the cgroup {self.cgroup} of an earlier run still has processes",
                "end them (see cgroup.procs below it), then run the same command again",
            )
        link.delete(self.interface)
        run = self.instance.state / "run"
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir(parents=True, exist_ok=True)

    def leftovers(self) -> list[str]:
        """What of this cluster still is on the machine; empty after `stop`."""
        found = [f"process {pid}" for pid in cgroups.processes(self.cgroup)]
        found += [f"cgroup {path}" for path in cgroups.folders(self.cgroup)]
        if link.exists(self.interface):
            found.append(f"interface {self.interface}")
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        return found + [f"mount {line.split()[1]}" for line in mounts if str(self.instance.folder) in line]
