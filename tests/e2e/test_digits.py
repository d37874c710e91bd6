"""From a stack file to a prediction and back, on a real API server with real containers.

One story in order: the tests share one cluster and one stack, and each begins where the one before it ended.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from local.commands import down, outputs, predict, prepare, status
from local.commands.request import post
from local.paths import INSTANCES
from local.progress import Steps
from tests.e2e.load import Load
from tests.embedded import EmbeddedCluster, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAMESPACE = "demo"
REQUESTS_DURING_A_ROLLOUT = 2000
DRAIN_SECONDS = 5  # as in Pulumi.test.yaml


def jobs(embedded: EmbeddedCluster) -> dict[str, str]:
    """The Jobs of the team: name to UID."""
    items = embedded.get("jobs", "-n", NAMESPACE)["items"]
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in items}


def served_version(embedded: EmbeddedCluster) -> str:
    with urllib.request.urlopen(f"{embedded.server['url']}/v1/models/digits", timeout=10) as answer:  # noqa: S310
        return json.load(answer)["model_version_status"][0]["version"]


def ending(embedded: EmbeddedCluster) -> set[str]:
    """The server's replicas that were told to end and are still there."""
    pods = embedded.get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=serving")["items"]
    return {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" in pod["metadata"]}


def what_happened(embedded: EmbeddedCluster, load: Load) -> str:
    """For who has to find out why a request was lost: the errors, and the team's pods, events and logs."""
    pods = embedded.kubectl("get", "pods", "-n", NAMESPACE, "-o", "wide").stdout
    events = embedded.kubectl("get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp").stdout
    logs = embedded.kubectl("logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=serving", "--prefix").stdout
    return "\n".join((str(load.errors), pods, *events.splitlines()[-40:], logs))


def train_with(argument: str) -> Any:
    """A change of the config: the training gets another command line."""

    def change(environment: Any) -> None:
        environment["teams"][0]["training"][0]["args"] = ["train", *argument.split()]

    return change


@pytest.mark.proves("training/job", "trains a model with a manifest")
@pytest.mark.proves("serving/deployment", "answers predictions")
@pytest.mark.proves("storage/volume", "pods read and write it")
def test_one_up_gives_a_server_that_predicts(embedded: EmbeddedCluster) -> None:
    embedded.up()
    outputs = embedded.outputs()
    assert set(outputs) == {"cluster", "storage", "teams"}
    training = outputs["teams"]["demo"]["training"]["digits"]
    assert set(training) == {"namespace", "workload", "model"}
    assert set(embedded.server) == {"namespace", "workload", "service", "autoscaler", "url", "route"}
    samples = embedded.samples()
    answer = post(f"{embedded.server['url']}/v1/models/digits:predict", {"instances": samples["inputs"]})
    right = sum(label == made for label, made in zip(samples["labels"], answer["predictions"], strict=True))
    assert right / len(samples["labels"]) >= 0.97
    assert served_version(embedded) == training["model"]["version"]


@pytest.mark.proves("training/job", "trains a model with a manifest")
def test_the_model_has_a_manifest(embedded: EmbeddedCluster) -> None:
    server = embedded.server
    read = 'cat "$MODEL_ROOT/$MODEL_NAME/$MODEL_VERSION/manifest.json"'
    done = embedded.kubectl("exec", "-n", NAMESPACE, f"deployment/{server['workload']['name']}", "--", "sh", "-c", read)
    manifest = json.loads(done.stdout)
    assert manifest["metrics"]["accuracy"] >= 0.97
    assert {"name", "version", "created", "codeVersion", "dataHash"} <= set(manifest)


@pytest.mark.proves("operations", "an update without a change changes nothing")
def test_nothing_changes_without_a_change(embedded: EmbeddedCluster) -> None:
    before = jobs(embedded)
    embedded.run("preview", "--expect-no-changes")
    embedded.up("--expect-no-changes")
    embedded.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    embedded.up("--expect-no-changes")
    assert jobs(embedded) == before


@pytest.fixture
def commands_of_make(embedded: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands behind `make` work on the tests' cluster in place of the user's."""
    monkeypatch.setitem(INSTANCES, "dev", INSTANCES["test"])
    for module in (prepare, predict, status):
        monkeypatch.setattr(module, "stack_file", lambda _: embedded.pulumi.stack_file)


@pytest.mark.usefixtures("commands_of_make")
def test_outputs_are_json_and_nothing_else(embedded: EmbeddedCluster, capfd: pytest.CaptureFixture[str]) -> None:
    outputs.outputs("test")
    assert json.loads(capfd.readouterr().out) == embedded.outputs()


@pytest.mark.usefixtures("commands_of_make")
def test_predict_shows_labels_predictions_and_accuracy(capfd: pytest.CaptureFixture[str]) -> None:
    predict.predict("test", 7)
    shown = capfd.readouterr().out
    (accuracy,) = re.findall(r"450 held-out samples sent, \d+ right: accuracy (0\.\d+)", shown)
    assert float(accuracy) >= 0.97
    assert len(re.findall(r"^ +\d+ +\d+ +\d+ ", shown, re.MULTILINE)) == 7


@pytest.mark.usefixtures("commands_of_make")
def test_status_shows_programs_nodes_pods_and_autoscalers(capfd: pytest.CaptureFixture[str]) -> None:
    status.show("test")
    shown = capfd.readouterr().out
    assert re.search(r"all \d+ programs run", shown)
    for words in ("a100-0", "digits", "1 to 3"):
        assert words in shown


def test_namespaces_enforce_the_restricted_standard(embedded: EmbeddedCluster) -> None:
    labels = embedded.get("namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "privileged", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "x", "image": "x:1", "securityContext": {"privileged": True}}]},
    }
    refused = embedded.kubectl("create", "--dry-run=server", "-f", "-", ok=False, stdin=json.dumps(pod))
    assert 'violates PodSecurity "restricted' in refused.stderr
    # The server's own pods run under the enforcement: they passed it.
    pods = embedded.get("pods", "-n", NAMESPACE)["items"]
    assert {"Running", "Succeeded"} >= {pod["status"]["phase"] for pod in pods}


def test_pods_have_no_token_and_cannot_reach_etcd(embedded: EmbeddedCluster) -> None:
    probe = """
import os, socket, sys
assert not os.path.exists("/var/run/secrets/kubernetes.io"), "there is a token"
for address in sys.argv[1:]:
    for port in (2379, 2380):
        try:
            socket.create_connection((address, port), timeout=3).close()
        except OSError:
            continue
        sys.exit(f"{address}:{port} answers")
# The check itself can connect: the cluster's DNS, which every pod may ask, answers.
socket.create_connection(("kube-dns.kube-system.svc.cluster.local", 53), timeout=3).close()
"""
    addresses = embedded.node.addresses
    embedded.kubectl(
        *("exec", "-n", NAMESPACE, f"deployment/{embedded.server['workload']['name']}", "--", "python3", "-c", probe),
        *(addresses.node, addresses.host),
    )


def test_pods_resolve_the_names_of_services(embedded: EmbeddedCluster) -> None:
    server = embedded.server
    name = f"{server['service']}.{NAMESPACE}.svc.cluster.local"
    ask = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"
    done = embedded.kubectl(
        *("exec", "-n", NAMESPACE, f"deployment/{server['workload']['name']}", "--", "python3", "-c", ask, name)
    )
    assert done.stdout.strip() == embedded.get("service", server["service"], "-n", NAMESPACE)["spec"]["clusterIP"]


@pytest.mark.proves("serving/deployment", "refuses bad input")
def test_bad_input_is_refused_and_not_fatal(embedded: EmbeddedCluster) -> None:
    for body in (b"{", b'{"input": [1, 2]}', b'{"input": "x"}', b"[" * 500_000, b'{"input": [NaN]}'):
        request = urllib.request.Request(  # noqa: S310
            f"{embedded.server['url']}/predict", data=body, headers={"Content-Type": "application/json"}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)  # noqa: S310
        assert 400 <= refused.value.code < 500
        assert json.load(refused.value)["error"]


@pytest.mark.proves("operations", "a wrong stack file reaches no API server")
def test_malformed_config_reaches_no_api_server(embedded: EmbeddedCluster) -> None:
    def change(environment: Any) -> None:
        environment["teams"][0]["serving"][0]["model"] = "letters"

    before = embedded.mutations()
    with embedded.changed_config(change):
        done = embedded.up(ok=False)
    assert done.returncode != 0
    shown = done.stdout + done.stderr
    assert "letters" in shown
    assert "Pulumi.test.yaml" in shown
    assert "Traceback" not in shown
    assert embedded.mutations() == before


@pytest.mark.proves("training/job", "trains again only when its recipe changes")
@pytest.mark.proves("serving/deployment", "rolls out a new model without a failed request")
@pytest.mark.proves("serving/deployment", "rolls back to a version")
def test_a_new_model_rolls_out_without_a_failed_request_and_rolls_back(embedded: EmbeddedCluster) -> None:
    url, first, before = embedded.server["url"], served_version(embedded), jobs(embedded)
    sample = embedded.samples()["inputs"][0]
    with Load(url, sample) as load, embedded.changed_config(train_with("--c 5")):
        embedded.up()
        second = embedded.outputs()["teams"]["demo"]["training"]["digits"]["model"]["version"]
        load.wait_until(REQUESTS_DURING_A_ROLLOUT, seconds=120)
    assert not load.errors, what_happened(embedded, load)
    assert load.sent >= REQUESTS_DURING_A_ROLLOUT
    assert second != first
    assert served_version(embedded) == second
    # The data was not prepared again, the old training Job has gone.
    kept = set(before.items()) & set(jobs(embedded).items())
    assert {name.rsplit("-", 1)[0] for name, _ in kept} == {"digits-prepare"}

    def pin(environment: Any) -> None:
        train_with("--c 5")(environment)
        environment["teams"][0]["serving"][0]["version"] = first

    with Load(url, sample) as load, embedded.changed_config(pin):
        embedded.up()
    assert not load.errors, what_happened(embedded, load)
    assert served_version(embedded) == first


@pytest.mark.proves("operations", "a killed update goes on where it was")
def test_a_killed_up_goes_on_where_it_was(embedded: EmbeddedCluster) -> None:
    # Back to the first recipe: its Job was deleted, so it is made again, and finds its model complete.
    process = subprocess.Popen(
        embedded.pulumi.command("up", "--yes", "--skip-preview", "--stack", embedded.pulumi.stack),
        env=embedded.pulumi.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    before = embedded.mutations()
    wait_for("the first change of the update", lambda: embedded.mutations() > before, 60)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with Steps() as steps:
        embedded.pulumi.recover(steps)
    embedded.up()
    embedded.run("preview", "--expect-no-changes")
    assert "pending_operations" not in json.loads(embedded.run("stack", "export").stdout)["deployment"]
    # Of two managers of a field, each refuses what the other changes.
    for item in embedded.get("jobs,deployments,services,configmaps", "-n", NAMESPACE, "--show-managed-fields")["items"]:
        managers = {entry["manager"] for entry in item["metadata"]["managedFields"]}
        assert sum(manager.startswith("pulumi-kubernetes-") for manager in managers) <= 1, item["metadata"]["name"]
    assert post(f"{embedded.server['url']}/predict", {"input": embedded.samples()["inputs"][0]})


@pytest.mark.proves("serving/deployment", "scales on CPU")
def test_the_autoscaler_scales_out_under_load_and_in_again(embedded: EmbeddedCluster) -> None:
    server = embedded.server

    def replicas() -> int:
        return embedded.get("deployment", server["workload"]["name"], "-n", NAMESPACE)["status"].get("readyReplicas", 0)

    wait_for("one replica at rest", lambda: replicas() == 1, 120)
    with Load(server["url"], embedded.samples()["inputs"][0], clients=8) as load:
        wait_for("more replicas under load", lambda: replicas() > 1, 180)
    assert not load.errors, what_happened(embedded, load)
    wait_for("one replica again", lambda: replicas() == 1, 180)
    embedded.up("--expect-no-changes")


@pytest.mark.proves("serving/deployment", "rolls out a new model without a failed request")
def test_a_node_that_hears_late_of_a_rollout_costs_no_request(embedded: EmbeddedCluster) -> None:
    """The replica still gets requests when its drain is over: it answers them until they stop."""
    server, proxy = embedded.server, embedded.program_pid("kube-proxy")
    rollout = ("-n", NAMESPACE, f"deployment/{server['workload']['name']}")
    # Few requests: a replica that the autoscaler adds is one that the sleeping kube-proxy does not know.
    with Load(server["url"], embedded.samples()["inputs"][0], clients=2, pause=0.1) as load:
        os.kill(proxy, signal.SIGSTOP)
        try:
            embedded.kubectl("rollout", "restart", *rollout)
            wait_for("a replica that is told to end", lambda: ending(embedded), 120)
            time.sleep(DRAIN_SECONDS + 2)
        finally:
            os.kill(proxy, signal.SIGCONT)
        wait_for("the end of the old replica", lambda: not ending(embedded), 60)
    assert not load.errors, what_happened(embedded, load)


@pytest.mark.proves("gpu", "GPU nodes take GPU work and nothing else", by="API server")
def test_gpu_pods_land_on_gpu_nodes_only(embedded: EmbeddedCluster) -> None:
    def pod(name: str, gpus: int) -> str:
        container: dict[str, Any] = {"name": "main", "image": "localhost/none:1"}
        spec: dict[str, Any] = {"containers": [container], "terminationGracePeriodSeconds": 0}
        if gpus:
            container["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
            spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists"}]
        return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})

    namespace = ("-n", "gpu-check")
    embedded.kubectl("create", "namespace", "gpu-check")
    try:
        for name, gpus in (("eight", 8), ("nine", 9), ("none", 0)):
            embedded.kubectl("create", "-f", "-", *namespace, stdin=pod(name, gpus))
        node = wait_for(
            "a node for 8 GPUs", lambda: embedded.get("pod", "eight", *namespace)["spec"].get("nodeName"), 30
        )
        assert node.startswith("a100-")
        conditions = wait_for(
            "the scheduler's word on 9 GPUs",
            lambda: embedded.get("pod", "nine", *namespace)["status"].get("conditions"),
            30,
        )
        assert "Insufficient nvidia.com/gpu" in conditions[0]["message"]
        node = wait_for(
            "a node for a pod without GPUs", lambda: embedded.get("pod", "none", *namespace)["spec"].get("nodeName"), 30
        )
        assert node == embedded.node.name
    finally:
        embedded.kubectl("delete", "namespace", "gpu-check", "--wait=true")


@pytest.mark.proves("operations", "destroy leaves nothing, even while an operator is down")
def test_destroy_leaves_nothing(embedded: EmbeddedCluster) -> None:
    embedded.run("destroy", "--yes", "--skip-preview")
    kinds = "deployments,jobs,services,hpa,pdb,pvc,serviceaccounts,secrets,networkpolicies,roles,rolebindings"
    ours = embedded.kubectl("get", kinds, "-A", "-l", "app.kubernetes.io/part-of=ml-platform", "-o", "name").stdout
    assert ours == ""
    assert embedded.kubectl("get", "namespace", NAMESPACE, ok=False).returncode != 0
    wait_for("no volume left", lambda: not embedded.get("pv")["items"], 60)
    assert not list(embedded.node.instance.volumes.iterdir())


@pytest.mark.proves("embedded", "a stop leaves nothing on the machine")
@pytest.mark.usefixtures("commands_of_make")
def test_down_leaves_nothing_on_the_machine_and_up_works_again(embedded: EmbeddedCluster) -> None:
    interface = embedded.node.interface
    down.down("test")
    assert embedded.node.leftovers() == []
    assert not Path("/sys/class/net", interface).exists()
    embedded.start_again()
    embedded.up()
    assert post(f"{embedded.server['url']}/predict", {"input": embedded.samples()["inputs"][0]})
