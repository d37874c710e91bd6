"""What a managed Kubernetes brings along: DNS, metrics, a default storage class; and the simulated GPU nodes."""

import base64
import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from local import process
from local.addons.simulated import SIMULATED, SimulatedPool, published_devices, simulated_nodes
from local.errors import Failure
from local.image_names import BASE_IMAGE, system_image
from local.node.addresses import CLUSTER_DOMAIN
from local.node.embedded import EmbeddedNode
from local.progress import Steps
from local.waiting import wait_until

FOLDER = Path(__file__).parent
DEPLOYMENTS = (
    ("kube-system", "coredns"),
    ("kube-system", "metrics-server"),
    ("local-path-storage", "local-path-provisioner"),
)


def manifests(node: EmbeddedNode) -> str:
    """The add-ons' objects as one YAML stream."""

    def encoded(file: str) -> str:
        return base64.b64encode((node.certificates / file).read_bytes()).decode()

    variables: dict[str, dict[str, str]] = {
        "access": {},
        "coredns": {
            "image": system_image("coredns", node.programs),
            "domain": CLUSTER_DOMAIN,
            "dns_address": node.addresses.dns_service,
        },
        "metrics-server": {
            "image": system_image("metrics-server", node.programs),
            "certificate": encoded("metrics-server.crt"),
            "certificate_digest": hashlib.sha256((node.certificates / "metrics-server.crt").read_bytes()).hexdigest(),
            "key": encoded("metrics-server.key"),
            "authority": encoded("cluster.crt"),
        },
        "local-path": {
            "image": system_image("local-path-provisioner", node.programs),
            "helper_image": BASE_IMAGE,
            "volumes": str(node.instance.volumes),
        },
    }
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701  (YAML)
    return "\n---\n".join(
        environment.from_string((FOLDER / f"{name}.yaml").read_text()).render(values)
        for name, values in variables.items()
    )


class Kubectl:
    """kubectl with the instance's own kubeconfig."""

    def __init__(self, node: EmbeddedNode) -> None:
        self.program = node.programs["kubectl"]
        self.kubeconfig = node.instance.kubeconfig
        self.log = node.instance.logs / "kubectl.log"

    def command(self, *words: str) -> list[str]:
        return [str(self.program), "--kubeconfig", str(self.kubeconfig), *words]

    def run(self, *words: str) -> str:
        return process.output(self.command(*words))

    def succeeds(self, *words: str) -> bool:
        try:
            done = subprocess.run(self.command(*words), capture_output=True, check=False, timeout=180)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def apply(self, manifest: str, *words: str) -> None:
        done = subprocess.run(
            self.command(
                *("apply", "--server-side", "--force-conflicts", "--field-manager=ml-platform"),
                *words,
                "-f",
                "-",
            ),
            input=manifest,
            capture_output=True,
            text=True,
            check=False,
        )
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as sink:
            sink.write(done.stdout + done.stderr)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise Failure(f"the cluster refused an add-on: {last}", "see the log", self.log)


def wait_for_api(node: EmbeddedNode, seconds: float = 90) -> None:
    """Wait until the API server is ready and the node has registered."""
    kubectl = Kubectl(node)
    if not wait_until(lambda: kubectl.succeeds("get", "node", node.name, "-o", "name"), seconds, interval=0.3):
        states = ", ".join(f"{name} {state}" for name, state in node.program_states().items())
        raise Failure(
            f"the cluster did not answer within {seconds:.0f} s ({states})",
            "see the logs of the programs that are not RUNNING; 'make clean' and 'make up' start afresh",
            node.instance.logs,
        )


def ensure(node: EmbeddedNode, pools: Sequence[SimulatedPool], steps: Steps) -> None:
    """Apply the add-ons and the simulated nodes and wait until they are ready."""
    kubectl = Kubectl(node)
    with steps.step("cluster add-ons: DNS, metrics, storage class"):
        kubectl.apply(manifests(node))
        simulate(kubectl, pools)
        for namespace, name in DEPLOYMENTS:
            if not kubectl.succeeds(
                *("rollout", "status", f"deployment/{name}", "--namespace", namespace, "--timeout", "120s")
            ):
                raise Failure(
                    f"the add-on {name} did not become ready",
                    f"see 'kubectl --kubeconfig {kubectl.kubeconfig} describe pods -n {namespace}'",
                    node.instance.logs / "kubelet.log",
                )
        if not kubectl.succeeds(
            "wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=60s"
        ):
            raise Failure("the metrics API did not become available", "see the log", node.instance.logs)


def simulate(kubectl: Kubectl, pools: Sequence[SimulatedPool]) -> None:
    """Make the simulated nodes, and what they publish, exactly those of `pools`."""
    nodes, devices = simulated_nodes(pools), published_devices(pools)
    _make(kubectl, "nodes", nodes, "--subresource=status")
    _make(kubectl, "deviceclasses,resourceslices", devices)


def _make(kubectl: Kubectl, kinds: str, objects: Sequence[Mapping[str, Any]], *again: str) -> None:
    """Apply objects, with `again` a second time so, and delete those of earlier times."""
    wanted = {item["metadata"]["name"] for item in objects}
    selector = ",".join(f"{key}={value}" for key, value in SIMULATED.items())
    present = kubectl.run("get", kinds, "--selector", selector, "-o", "name").split()
    if gone := [name for name in present if name.partition("/")[2] not in wanted]:
        kubectl.run("delete", *gone)
    if objects:
        stream = yaml.safe_dump_all(objects)
        kubectl.apply(stream)
        if again:
            kubectl.apply(stream, *again)
