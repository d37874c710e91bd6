"""Network policies are enforced: what a team's pods may do is what its config says, seen from real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from local.image_names import BASE_IMAGE
from tests.embedded import EmbeddedCluster, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

# `tenant-a` declares egress to port 8081 of `tenant-b`, which declares it as ingress (Pulumi.test.yaml).
DECLARED, UNDECLARED, HTTP = 8081, 8082, 8080
# Nothing of this namespace is restricted: it shows that what is refused elsewhere would otherwise work.
OPEN = "network-open"
REFUSED_AFTER_SECONDS = 4

SERVE = f"""
import socket, threading
def serve(port):
    server = socket.create_server(("", port))
    while True:
        connection, _ = server.accept()
        connection.close()
for port in ({DECLARED}, {UNDECLARED}, {HTTP}):
    threading.Thread(target=serve, args=(port,)).start()
"""
CONNECT = f"""
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def connects(target):
    try:
        socket.create_connection(tuple(target), timeout={REFUSED_AFTER_SECONDS}).close()
    except OSError:
        return False
    return True
targets = json.loads(sys.argv[1])
print(json.dumps(list(ThreadPoolExecutor(len(targets)).map(connects, targets))))
"""
RESOLVE = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"


def pod(namespace: str, name: str, program: str, *args: str, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A pod that runs a Python program and passes `restricted`."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "main",
                    "image": BASE_IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-u", "-c", program, *args],
                    "ports": [{"name": "http", "containerPort": HTTP}],
                    "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


class Pods:
    """The test's pods: `<namespace>/<name>`, their addresses, and what they can connect to."""

    def __init__(self, cluster: EmbeddedCluster, pods: Sequence[Mapping[str, Any]]) -> None:
        self.cluster = cluster
        cluster.kubectl("apply", "-f", "-", stdin="\n".join(map(json.dumps, pods)))
        self.addresses = {
            f"{metadata['namespace']}/{metadata['name']}": self._address(metadata)
            for metadata in (manifest["metadata"] for manifest in pods)
        }

    def _address(self, metadata: Mapping[str, str]) -> str:
        where = ("-n", metadata["namespace"])
        self.cluster.kubectl("wait", "--for=condition=Ready", "--timeout=90s", f"pod/{metadata['name']}", *where)
        return self.cluster.get("pod", metadata["name"], *where)["status"]["podIP"]

    def run(self, source: str, program: str, *args: str) -> str:
        namespace, name = source.split("/")
        return self.cluster.kubectl("exec", "-n", namespace, name, "--", "python3", "-c", program, *args).stdout

    def connects(self, source: str, *targets: tuple[str, int]) -> list[bool]:
        """Whether each of the targets answers: a pod's name or an address, and a port."""
        wanted = [(self.addresses.get(host, host), port) for host, port in targets]
        return json.loads(self.run(source, CONNECT, json.dumps(wanted)))


@pytest.fixture(scope="module")
def pods(platform: EmbeddedCluster) -> Iterator[Pods]:
    manifests = [
        pod("tenant-a", "client", SERVE),
        pod("tenant-a", "neighbour", SERVE),
        pod("tenant-b", "plain", SERVE),
        pod("tenant-b", "server", SERVE, labels={"app.kubernetes.io/component": "serving"}),
        pod(OPEN, "stranger", SERVE),
    ]
    platform.kubectl("create", "namespace", OPEN)
    try:
        yield Pods(platform, manifests)
    finally:
        for found in manifests[:-1]:
            name, namespace = found["metadata"]["name"], found["metadata"]["namespace"]
            platform.kubectl("delete", "pod", name, "-n", namespace, "--ignore-not-found", "--wait=false")
        platform.kubectl("delete", "namespace", OPEN, "--wait=false")


@pytest.fixture
def machine_port(platform: EmbeddedCluster) -> Iterator[int]:
    """A port of the machine itself on which something answers."""
    with socket.create_server((platform.node.addresses.host, 0)) as server:

        def accept() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.proves("teams", "network policies are enforced", by="real run")
def test_a_pod_opens_the_declared_connections_and_no_other(
    platform: EmbeddedCluster, pods: Pods, machine_port: int
) -> None:
    network = platform.node.addresses
    targets = {
        "the declared port of the other team": ("tenant-b/plain", DECLARED),
        "another port of it": ("tenant-b/plain", UNDECLARED),
        "a server of the other team": ("tenant-b/server", HTTP),
        "a pod of its own team": ("tenant-a/neighbour", DECLARED),
        "a pod without policies": (f"{OPEN}/stranger", DECLARED),
        "the API server by its Service": (network.api_service, 443),
        "the API server by its node": (network.node, 6443),
        "the kubelet": (network.node, 10250),
        "the machine": (network.host, machine_port),
    }
    answers = dict(zip(targets, pods.connects("tenant-a/client", *targets.values()), strict=True))
    assert [name for name, connected in answers.items() if connected] == ["the declared port of the other team"]


def test_without_policies_the_same_connections_work(platform: EmbeddedCluster, pods: Pods, machine_port: int) -> None:
    """So what another test sees refused was refused by a policy."""
    network = platform.node.addresses
    targets = [
        (network.api_service, 443),
        (network.node, 6443),
        (network.node, 10250),
        (network.host, machine_port),
        ("tenant-b/server", HTTP),
    ]
    assert pods.connects(f"{OPEN}/stranger", *targets) == [True] * len(targets)


def test_a_team_takes_only_what_it_declares(pods: Pods) -> None:
    targets = [("tenant-a/client", DECLARED), ("tenant-b/plain", DECLARED), ("tenant-b/plain", HTTP)]
    assert pods.connects(f"{OPEN}/stranger", *targets) == [False, False, False]
    # The other direction of a declared connection is not declared.
    assert pods.connects("tenant-b/plain", ("tenant-a/client", DECLARED)) == [False]


def test_dns_answers(pods: Pods, platform: EmbeddedCluster) -> None:
    name = "kubernetes.default.svc.cluster.local"
    assert pods.run("tenant-a/client", RESOLVE, name).strip() == platform.node.addresses.api_service


def test_the_machine_reaches_servers_only(pods: Pods) -> None:
    def reaches(name: str, port: int) -> bool:
        try:
            socket.create_connection((pods.addresses[name], port), timeout=REFUSED_AFTER_SECONDS).close()
        except OSError:
            return False
        return True

    assert reaches("tenant-b/server", HTTP)
    assert not reaches("tenant-b/server", DECLARED)
    assert not reaches("tenant-a/client", HTTP)


@pytest.mark.proves("teams", "network policies are enforced", by="real run")
def test_a_pod_is_bound_from_its_first_packet(platform: EmbeddedCluster, pods: Pods) -> None:
    """Before the API server has heard of the pod's address, nothing says which policies are its."""
    target = json.dumps([(platform.node.addresses.node, 6443)])
    logs: dict[str, str] = {}
    for namespace in ("tenant-a", OPEN):
        platform.kubectl("apply", "-f", "-", stdin=json.dumps(pod(namespace, "hasty", CONNECT, target)))
    try:
        for namespace in ("tenant-a", OPEN):

            def done(namespace: str = namespace) -> bool:
                return platform.get("pod", "hasty", "-n", namespace)["status"]["phase"] == "Succeeded"

            wait_for(f"the end of {namespace}/hasty", done, 90)
            logs[namespace] = platform.kubectl("logs", "hasty", "-n", namespace).stdout.strip()
    finally:
        for namespace in ("tenant-a", OPEN):
            platform.kubectl("delete", "pod", "hasty", "-n", namespace, "--ignore-not-found", "--wait=false")
    assert logs == {"tenant-a": "[false]", OPEN: "[true]"}


def test_what_a_pod_was_denied_is_in_the_log(platform: EmbeddedCluster, pods: Pods) -> None:
    pods.connects("tenant-a/client", ("tenant-b/plain", UNDECLARED))
    log = (platform.node.instance.logs / "network-policies.log").read_text()
    source, target = pods.addresses["tenant-a/client"], pods.addresses["tenant-b/plain"]
    assert any(f'from="{source}" to="{target}" port={UNDECLARED}' in line for line in log.splitlines())
