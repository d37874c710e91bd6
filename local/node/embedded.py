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
import re
import secrets
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from local import process
from local.errors import Failure
from local.node import cgroups, pki, processes, programs, settings, slots
from local.node.addresses import CLUSTER_DOMAIN, Addresses
from local.paths import ROOT, Instance, cache_folder
from local.waiting import wait_until

VENV_BIN = ROOT / ".local" / "venv" / "bin"
#: Kernel settings that the kubelet insists on. It finds them set inside the node; the machine's own stay as they are.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
#: What becomes of pods on simulated nodes.
SIMULATED_PODS = Path(__file__).with_name("simulated-pods.yaml")
#: Folders that the node's mount namespace replaces with its own: a checkout or cache inside one would vanish there.
REPLACED = (Path("/var/lib"), Path("/run"), Path("/var/log"))


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
        self.settings = instance.state / "settings"
        self.run = instance.state / "run"
        self.pid_file = instance.state / "node.json"

    # -- state -----------------------------------------------------------------------------------------------

    def init_pid(self) -> int | None:
        """The machine's PID of the node's first process, or None when the node is not running.

        The file holds the process's start time too, so a PID that was given to another process is not mistaken for it.
        """
        try:
            saved = json.loads(self.pid_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return saved["pid"] if processes.start_time(saved["pid"]) == saved["started"] else None

    def enter(self, *command: str | os.PathLike[str]) -> list[str]:
        """`command`, to be run inside the node."""
        pid = self.init_pid()
        if pid is None:
            raise Failure(f"the cluster {self.instance.name!r} is not running", "start it with 'make up'")
        return [
            *(
                "nsenter",
                "--target",
                str(pid),
                "--mount",
                "--net",
                "--pid",
                "--uts",
                "--ipc",
                "--wdns=/",
                "--",
            ),
            *(os.fspath(word) for word in command),
        ]

    def program_states(self) -> dict[str, str]:
        """What the supervisor says of each program: RUNNING, STARTING, BACKOFF, FATAL, …"""
        done = subprocess.run(self._supervisorctl("status"), capture_output=True, text=True, check=False, timeout=30)
        states: dict[str, str] = {}
        for line in done.stdout.splitlines():
            words = line.split()
            if len(words) >= 2 and words[0] in programs.commands(self._node()):
                states[words[0]] = words[1]
        return states

    # -- start -----------------------------------------------------------------------------------------------

    def ensure(self) -> None:
        """Bring the node up, whatever state it is in; does nothing to a healthy one.

        A dead program is started again. A node that runs with other settings or certificates than those of now, that
        has lost its link, or whose supervisor does not answer, is started anew.
        """
        self._check_machine()
        self._write_certificates()
        self._write_settings()
        pid = self.init_pid()
        sound = self._started_with() == self._settings_digest() and Path(f"/sys/class/net/{self.interface}").exists()
        if pid is not None and sound and self._supervisor_answers():
            self._ensure_network(pid)
            self._restart_dead_programs()
            return
        self.stop()
        self._start_namespaces()

    def _settings_digest(self) -> str:
        """A digest over all that the running programs were told."""
        digest = hashlib.sha256()
        for file in sorted([*self.settings.rglob("*"), *self.certificates.glob("*.crt")]):
            if file.is_file():
                digest.update(f"{file.name}\0".encode() + file.read_bytes())
        return digest.hexdigest()

    def _started_with(self) -> str | None:
        """The digest of the settings that the node was started with, when there is a record of it."""
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(self.pid_file.read_text()).get("settings")
        return None

    def _check_machine(self) -> None:
        for folder in (ROOT, cache_folder()):
            for replaced in REPLACED:
                if folder.is_relative_to(replaced):
                    raise Failure(
                        f"{folder} lies in {replaced}, which the embedded node replaces for its programs",
                        "clone the repository (or set ML_PLATFORM_CACHE) somewhere else, such as /opt or /home",
                    )
            # The path stands in shell scripts and in supervisord's settings, and the supervisor's socket lies below it.
            if not re.fullmatch(r"[\w./+@-]{1,70}", str(folder)):
                raise Failure(
                    f"{folder} is longer than 70 characters or has others than letters, digits and . _ + @ -",
                    "clone the repository (or set ML_PLATFORM_CACHE) to a plainer path",
                )
        mine = self.addresses.whole
        for network, device in slots.routes().items():
            if device != self.interface and network.overlaps(mine):
                raise Failure(
                    f"the machine already routes {network} through {device}, inside the cluster's {mine}",
                    "set ML_PLATFORM_CIDR to a free private /16, such as 10.214.0.0/16, and run 'make clean'",
                )

    @functools.cached_property
    def addresses(self) -> Addresses:
        """The cluster's addresses: a slot that was free when the cluster was first started, kept since then."""
        return slots.of_cluster(self.instance.state / "slot")

    def _node(self) -> settings.Node:
        return settings.Node(
            name=self.name,
            addresses=self.addresses,
            certificates=self.certificates,
            settings=self.settings,
            programs=self.programs,
            logs=self.instance.logs,
            snapshotter=self.snapshotter(),
            cgroup=self.cgroup,
        )

    def snapshotter(self) -> str:
        """`overlayfs`, or `native` (copies) on a file system that cannot carry an overlay."""
        chosen = self.instance.state / "snapshotter"
        if not chosen.exists():
            probe = self.instance.state / "probe"
            for name in ("lower", "upper", "work", "merged"):
                (probe / name).mkdir(parents=True, exist_ok=True)
            layers = f"lowerdir={probe}/lower,upperdir={probe}/upper,workdir={probe}/work"
            done = subprocess.run(
                ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", layers, probe / "merged"],
                capture_output=True,
                check=False,
            )
            shutil.rmtree(probe)
            chosen.write_text("native" if done.returncode else "overlayfs")
        return chosen.read_text()

    def _write_certificates(self) -> None:
        network = self.addresses
        cluster = pki.Authority(self.certificates, "cluster")
        etcd = pki.Authority(self.certificates, "etcd")
        front_proxy = pki.Authority(self.certificates, "front-proxy")
        pki.service_account_keys(self.certificates)
        kubernetes_names = (
            *("kubernetes", "kubernetes.default", "kubernetes.default.svc"),
            f"kubernetes.default.svc.{CLUSTER_DOMAIN}",
            *("localhost", "127.0.0.1", network.node, network.api_service),
        )
        wanted = [
            (etcd, pki.Identity(file="etcd-server", common_name="etcd", names=("localhost", "127.0.0.1"))),
            (etcd, pki.Identity(file="apiserver-etcd-client", common_name="kube-apiserver")),
            (front_proxy, pki.Identity(file="front-proxy-client", common_name="front-proxy-client")),
            (cluster, pki.Identity(file="apiserver", common_name="kube-apiserver", names=kubernetes_names)),
            (
                cluster,
                pki.Identity(file="apiserver-kubelet-client", common_name="kube-apiserver-kubelet-client"),
            ),
            (
                cluster,
                pki.Identity(file="kubelet-server", common_name=self.name, names=(self.name, network.node)),
            ),
            (
                cluster,
                pki.Identity(
                    file="metrics-server",
                    common_name="metrics-server",
                    names=("metrics-server.kube-system.svc",),
                ),
            ),
            *((cluster, identity) for identity in self._clients()),
        ]
        for authority, identity in wanted:
            authority.issue(identity)

    def _clients(self) -> list[pki.Identity]:
        return [
            pki.Identity(file="admin", common_name="ml-platform-admin", organization="system:masters"),
            pki.Identity(file="kubelet", common_name=f"system:node:{self.name}", organization="system:nodes"),
            *(
                pki.Identity(file=name, common_name=f"system:{name}")
                for name in ("kube-controller-manager", "kube-scheduler", "kube-proxy")
            ),
            *(pki.Identity(file=name, common_name=f"ml-platform:{name}") for name in ("kwok", "network-policies")),
        ]

    def _write_settings(self) -> None:
        for folder in (self.settings / "cni", self.run, self.instance.logs, self.instance.volumes):
            folder.mkdir(parents=True, exist_ok=True)
        # Keys, passphrases and data lie below it.
        for folder in (self.instance.folder, self.instance.state):
            folder.chmod(0o700)
        # Pods of any user write below it: each volume's own folder decides who may.
        self.instance.volumes.chmod(0o711)
        node = self._node()
        encryption = self.settings / "encryption.yaml"
        if not encryption.exists():
            pki.write_private(encryption, settings.encryption(b64encode(secrets.token_bytes(32)).decode()).encode())
        files = {
            "containerd.toml": settings.containerd(node),
            "cni/10-ml-platform.conflist": settings.cni(node),
            "kubelet.yaml": settings.kubelet(node),
            "kube-proxy.yaml": settings.kube_proxy(node),
            "audit-policy.yaml": settings.audit_policy(),
            "kwok.yaml": SIMULATED_PODS.read_text(),
            "supervisord.conf": programs.supervisor(node, self.run),
            "resolv.conf": "",
            "enter.sh": self._enter_script(),
        } | {
            f"{identity.file}.kubeconfig": self._kubeconfig(identity.file)
            for identity in self._clients()
            if identity.file != "admin"
        }
        for name, content in files.items():
            file = self.settings / name
            if not file.exists() or file.read_text() != content:
                pki.write_private(file, content.encode())
        admin = self._kubeconfig("admin")
        if not self.instance.kubeconfig.exists() or self.instance.kubeconfig.read_text() != admin:
            pki.write_private(self.instance.kubeconfig, admin.encode())

    def _kubeconfig(self, file: str) -> str:
        read = {suffix: (self.certificates / f"{file}.{suffix}").read_bytes() for suffix in ("crt", "key")}
        authority = (self.certificates / "cluster.crt").read_bytes()
        return settings.yaml_text(
            settings.kubeconfig(self.addresses.server, authority, read["crt"], read["key"], self.name)
        )

    def _enter_script(self) -> str:
        """What the first process does before it becomes the supervisor: its mounts, its addresses, its cgroup."""
        state = self.instance.state
        fake = "\n".join(
            f"printf '%s\\n' {value} > /run/kernel/{name.replace('/', '.')}\n"
            f"mount --bind /run/kernel/{name.replace('/', '.')} /proc/sys/{name}"
            for name, value in KERNEL_SETTINGS.items()
        )
        policies = "\n".join(settings.policy_rules(self.addresses))
        return f"""\
#!/bin/sh
set -eu
# Shared below this namespace, so that the kubelet's mounts reach the containers.
mount --make-rshared /
mount --bind {state}/var-lib /var/lib
mount --bind {state}/var-log /var/log
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/kernel
{fake}
for tasks in $(find {cgroups.CGROUPS} -maxdepth 4 -path '*{self.cgroup}/node/cgroup.procs'); do echo $$ > "$tasks"; done
hostname {self.name}
ip link set lo up
# The machine moves the node's end of the link in here.
while ! ip link show eth0 > /dev/null 2>&1; do sleep 0.05; done
ip address add {self.addresses.node}/{self.addresses.link.prefixlen} dev eth0
ip link set eth0 up
sysctl -q -w net.ipv4.ip_forward=1
# A machine that forwards (Docker makes it so) would let its neighbours in: only the machine itself may.
for chain in INPUT FORWARD; do iptables -A $chain -i eth0 ! -s {self.addresses.host} -j DROP; done
{policies}
exec {VENV_BIN}/supervisord -c {self.settings}/supervisord.conf
"""

    def _start_namespaces(self) -> None:
        for name in ("var-lib/etcd", "var-lib/kubelet", "var-lib/containerd", "var-lib/cni", "var-log"):
            (self.instance.state / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        cgroups.make(self.cgroup, leaf="node")
        log = self.instance.logs / "node.log"
        outer = processes.spawn(
            [
                *("env", "--chdir=/", "unshare", "--fork", "--kill-child", "--pid", "--mount-proc"),
                *("--mount", "--propagation", "slave", "--net", "--uts", "--ipc"),
                *("sh", str(self.settings / "enter.sh")),
            ],
            log,
        )
        pid = wait_until(
            lambda: processes.first_child(outer) or (-1 if processes.start_time(outer) is None else None), 10
        )
        if pid is None or pid < 0:
            raise Failure(
                f"the node's namespaces could not be made: {process.last_line(log)}",
                "run as root on a kernel with PID, mount and network namespaces",
                log,
            )
        self.pid_file.write_text(
            json.dumps(
                {"pid": pid, "started": processes.start_time(pid), "outer": outer, "settings": self._settings_digest()}
            )
        )
        self._ensure_network(pid)
        if not wait_until(self._supervisor_answers, 30):
            raise Failure(
                f"the node's supervisor did not start: {process.last_line(log)}",
                "run 'make down', then the same command again",
                log,
            )

    def _ensure_network(self, pid: int) -> None:
        """The veth pair between the machine and the node, and the machine's routes to pods and services."""
        network = self.addresses
        if not Path(f"/sys/class/net/{self.interface}").exists():
            process.output(
                [
                    "ip",
                    "link",
                    "add",
                    self.interface,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    "eth0",
                    "netns",
                    str(pid),
                ]
            )
        process.output(["ip", "address", "replace", f"{network.host}/{network.link.prefixlen}", "dev", self.interface])
        process.output(["ip", "link", "set", self.interface, "up"])
        for target in (network.pods, network.services):
            process.output(["ip", "route", "replace", str(target), "via", network.node, "dev", self.interface])

    def _supervisorctl(self, *words: str) -> list[str]:
        return self.enter(VENV_BIN / "supervisorctl", "-c", self.settings / "supervisord.conf", *words)

    def _supervisor_answers(self) -> bool:
        try:
            return bool(self.program_states())
        except (Failure, subprocess.TimeoutExpired):
            return False

    def _restart_dead_programs(self) -> None:
        dead = [
            name for name, state in self.program_states().items() if state not in ("RUNNING", "STARTING", "BACKOFF")
        ]
        if dead:
            process.output(self._supervisorctl("start", *dead))

    # -- stop ------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the node: first asked, so that etcd closes its files, then by the kernel."""
        pid = self.init_pid()
        if pid is not None:
            with contextlib.suppress(subprocess.SubprocessError, Failure):
                subprocess.run(
                    self._supervisorctl("stop", "etcd"),
                    capture_output=True,
                    check=False,
                    timeout=30,
                )
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
        """What a killed run left: the processes of the cgroup, the cgroups, the link, sockets."""
        for pid in cgroups.processes(self.cgroup):
            processes.end(pid)
        if not wait_until(lambda: cgroups.remove(self.cgroup), 20):
            raise Failure(
                f"the cgroup {self.cgroup} of an earlier run still has processes",
                "end them (see cgroup.procs below it), then run the same command again",
            )
        if Path(f"/sys/class/net/{self.interface}").exists():
            subprocess.run(["ip", "link", "delete", self.interface], capture_output=True, check=False)
        shutil.rmtree(self.run, ignore_errors=True)
        self.run.mkdir(parents=True, exist_ok=True)

    def leftovers(self) -> list[str]:
        """What of this cluster still is on the machine; empty after `stop`."""
        found = [f"process {pid}" for pid in cgroups.processes(self.cgroup)]
        found += [f"cgroup {path}" for path in cgroups.folders(self.cgroup)]
        if Path(f"/sys/class/net/{self.interface}").exists():
            found.append(f"interface {self.interface}")
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        return found + [f"mount {line.split()[1]}" for line in mounts if str(self.instance.folder) in line]
