"""The embedded cluster itself: what it exposes, what survives, what is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from local.addons import install
from local.node.cgroups import hierarchies
from local.node.embedded import EmbeddedNode
from local.paths import Instance
from local.processes import start_time
from tests.embedded import EmbeddedCluster, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


def listening(node: EmbeddedNode, *, inside: bool) -> set[str]:
    """The addresses of listening TCP sockets, in the node or on the machine."""
    command = ["ss", "--listening", "--tcp", "--numeric", "--no-header"]
    done = subprocess.run(node.enter(*command) if inside else command, check=True, capture_output=True, text=True)
    return {line.split()[3].rpartition(":")[0] for line in done.stdout.splitlines()}


def answers(embedded: EmbeddedCluster) -> bool:
    return embedded.kubectl("get", "--raw", "/readyz", ok=False).returncode == 0


def node_ready(embedded: EmbeddedCluster) -> bool:
    """The API server goes on saying for a while that a killed node is ready: so its programs count, too."""
    if set(embedded.node.program_states().values()) != {"RUNNING"}:
        return False
    conditions = embedded.get("node", embedded.node.name)["status"]["conditions"]
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


@pytest.mark.proves("embedded", "Secrets are encrypted, and nothing listens wider than it must", by="real run")
def test_listens_on_loopback_and_the_link_only(embedded: EmbeddedCluster) -> None:
    inside = listening(embedded.node, inside=True)
    assert inside <= {"127.0.0.1", embedded.node.addresses.node}
    # Nothing on the machine's own addresses: no such port is open there.
    for port in (2379, 6443, 10250):
        for address in ("127.0.0.1", embedded.node.addresses.host):
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, port), timeout=3)


def test_private_files_are_private(embedded: EmbeddedCluster) -> None:
    folder = embedded.node.instance.folder
    private = [*folder.rglob("*.key"), *folder.rglob("*kubeconfig"), folder / "pulumi" / "passphrase"]
    assert len(private) > 10
    assert {file: oct(file.stat().st_mode & 0o777) for file in private if file.stat().st_mode & 0o077} == {}


def test_anonymous_and_unprivileged_requests_are_refused(embedded: EmbeddedCluster) -> None:
    token = embedded.kubectl("create", "token", "default", "-n", "default").stdout.strip()
    server = embedded.node.addresses.server
    trusted = ssl.create_default_context(cafile=str(embedded.node.certificates / "cluster.crt"))
    for headers, expected in (({}, 401), ({"Authorization": f"Bearer {token}"}, 403)):
        request = urllib.request.Request(f"{server}/api/v1/secrets", headers=headers)  # noqa: S310
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, context=trusted, timeout=10)  # noqa: S310
        assert refused.value.code == expected
        refused.value.close()


@pytest.mark.proves("embedded", "Secrets are encrypted, and nothing listens wider than it must", by="real run")
def test_secrets_are_encrypted_in_etcd(embedded: EmbeddedCluster) -> None:
    embedded.kubectl("create", "secret", "generic", "canary", "--from-literal=word=plain-canary-word")
    try:
        database = embedded.node.instance.state / "var-lib" / "etcd" / "member"
        holders = [file for file in database.rglob("*") if file.is_file() and b"plain-canary-word" in file.read_bytes()]
        assert holders == []
    finally:
        embedded.kubectl("delete", "secret", "canary")


def test_metrics_of_the_real_node_are_served(embedded: EmbeddedCluster) -> None:
    done = embedded.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
    assert [item["metadata"]["name"] for item in json.loads(done.stdout)["items"]] == [embedded.node.name]


@pytest.mark.proves("embedded", "programs and nodes that are killed come back", by="real run")
@pytest.mark.parametrize(
    "program",
    [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "containerd",
        "kubelet",
        "kube-proxy",
        "kwok",
        "network-policies",
    ],
)
def test_a_killed_program_comes_back(embedded: EmbeddedCluster, program: str) -> None:
    before = embedded.program_pid(program)
    os.kill(before, signal.SIGKILL)
    embedded.node.ensure()
    wait_for(f"{program} again", lambda: embedded.node.program_states()[program] == "RUNNING", 60)
    assert embedded.program_pid(program) != before
    wait_for("the API server's answer", lambda: answers(embedded), 60)


@pytest.mark.proves("embedded", "programs and nodes that are killed come back", by="real run")
def test_a_killed_node_comes_back_with_its_objects(embedded: EmbeddedCluster) -> None:
    """As after a reboot: every process gone at once, only the files are there."""
    uid = embedded.get("namespace", "default")["metadata"]["uid"]
    pid = embedded.node.init_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for("the end of every process", lambda: embedded.node.init_pid() is None, 30)
    embedded.node.ensure()
    install.wait_for_api(embedded.node)
    wait_for("a ready node", lambda: node_ready(embedded), 60)
    assert embedded.get("namespace", "default")["metadata"]["uid"] == uid
    for namespace, name in install.DEPLOYMENTS:
        embedded.kubectl("rollout", "status", f"deployment/{name}", "-n", namespace, "--timeout=120s")


def test_a_node_whose_pid_file_is_lost_is_found_and_replaced(embedded: EmbeddedCluster) -> None:
    """As when the starting command is killed before it has written the file."""
    pid = embedded.node.init_pid()
    assert pid is not None
    embedded.node.pid_file.unlink()
    embedded.node.ensure()
    assert start_time(pid) is None
    install.wait_for_api(embedded.node)
    wait_for("a ready node", lambda: node_ready(embedded), 60)


def test_a_healthy_cluster_is_left_alone(embedded: EmbeddedCluster) -> None:
    before = {name: embedded.program_pid(name) for name in ("etcd", "kube-apiserver", "kubelet")}
    embedded.node.ensure()
    assert {name: embedded.program_pid(name) for name in before} == before


@pytest.mark.proves("embedded", "a stop leaves nothing on the machine", by="real run")
def test_leftovers_of_a_killed_run_are_removed() -> None:
    """A cgroup, an interface and a stale PID file, as a run that was killed half-way leaves them."""
    instance = Instance(name="leftover")
    node = EmbeddedNode(instance, {})
    try:
        for root in hierarchies():
            (root / node.cgroup.lstrip("/") / "kubepods").mkdir(parents=True, exist_ok=True)
        link = ["ip", "link", "add", node.interface, "type", "veth", "peer", "name", "mlp-peer"]
        subprocess.run(link, check=True)
        instance.state.mkdir(parents=True)
        node.pid_file.write_text(json.dumps({"pid": os.getpid(), "started": 1, "outer": 1}))
        assert len(node.leftovers()) >= 2
        assert node.init_pid() is None
        node.stop()
        assert node.leftovers() == []
    finally:
        node.stop()
        shutil.rmtree(instance.folder)
