"""The cluster's provider, kubeconfigs good and bad, and how Services are reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
import yaml
from pulumi.runtime import mocks

from components.cluster import Cluster, ClusterArgs, KubeconfigError, kube_context, read_kubeconfig
from components.exposure import ClusterAddress, Exposure, LoadBalancerAddress, NodeAddress, http_url
from tests.unit.recorder import CLUSTER_IP, NODE_PORT, Deployed, Engine, Recorder, deploy

KUBECONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "here",
    "contexts": [
        {"name": "here", "context": {"cluster": "one", "user": "me"}},
        {"name": "there", "context": {"cluster": "two", "user": "me"}},
        {"name": "broken", "context": {"cluster": "gone", "user": "me"}},
        {"name": "empty", "context": {"cluster": "no-server", "user": "me"}},
    ],
    "clusters": [
        {"name": "one", "cluster": {"server": "https://10.1.0.1:6443"}},
        {"name": "two", "cluster": {"server": "https://api.example"}},
        {"name": "no-server", "cluster": {}},
        "not an entry",
    ],
}


@pytest.mark.parametrize(
    ("context", "name", "server"),
    [(None, "here", "https://10.1.0.1:6443"), ("there", "there", "https://api.example")],
)
def test_a_context_has_a_name_and_a_server(context: str | None, name: str, server: str) -> None:
    found = kube_context(yaml.safe_dump(KUBECONFIG), context=context)
    assert (found.name, found.server) == (name, server)


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        ("{", None, "not YAML"),
        ("just text", None, "not a kubeconfig"),
        ("{}", None, "no current context"),
        ("{current-context: here, contexts: nonsense}", None, "no context 'here'"),
        (yaml.safe_dump(KUBECONFIG), "nowhere", "contexts: broken, empty, here, there"),
        (yaml.safe_dump(KUBECONFIG), "broken", "its cluster 'gone' is missing"),
        (yaml.safe_dump(KUBECONFIG), "empty", "its cluster 'no-server' is missing or incomplete"),
    ],
)
def test_a_bad_kubeconfig_says_what_is_wrong_in_one_line(text: str, context: str | None, message: str) -> None:
    with pytest.raises(KubeconfigError, match=message) as raised:
        kube_context(text, context=context, source="/some/kubeconfig")
    assert str(raised.value).startswith("/some/kubeconfig: ")
    assert "\n" not in str(raised.value)


def test_a_missing_kubeconfig_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="make cluster") as raised:
        read_kubeconfig(tmp_path / "kubeconfig")
    assert str(tmp_path / "kubeconfig") in str(raised.value)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("10.0.0.7", 80, "http://10.0.0.7"),
        ("10.0.0.7", 30080, "http://10.0.0.7:30080"),
        ("fd00::7", 80, "http://[fd00::7]"),
        ("fd00::7", 8080, "http://[fd00::7]:8080"),
        ("lb.example", 80, "http://lb.example"),
    ],
)
def test_http_url(host: str, port: int, url: str) -> None:
    assert http_url(host, port) == url


@pytest.mark.parametrize(
    ("exposure", "url"),
    [
        (ClusterAddress(), f"http://{CLUSTER_IP}"),
        (NodeAddress(node="node.example"), f"http://node.example:{NODE_PORT}"),
        (LoadBalancerAddress(), "http://lb.example"),
    ],
)
def test_the_url_of_a_service(pulumi_program: Callable[..., Deployed], exposure: Exposure, url: str) -> None:
    def program() -> pulumi.Output[str]:
        service = k8s.core.v1.Service(
            "service", metadata={"name": "s", "namespace": "n"}, spec={"ports": [{"port": 80}]}
        )
        return exposure.url(service)

    assert pulumi_program(program).result == url


class EmptyCluster(Engine):
    """A preview before the first update: the provider knows what the program said, and nothing else."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return None, dict(args.inputs)


@pytest.mark.parametrize("exposure", [ClusterAddress(), NodeAddress(node="node.example"), LoadBalancerAddress()])
@pytest.mark.parametrize("preview", [True, False])
def test_a_url_may_be_missing_in_a_preview_only(exposure: Exposure, preview: bool) -> None:
    def program() -> pulumi.Output[bool]:
        service = k8s.core.v1.Service(
            "service", metadata={"name": "s", "namespace": "n"}, spec={"ports": [{"port": 80}]}
        )
        # An unknown output would end the program's own applies: this one asks whether it is known.
        return pulumi.Output.from_input(exposure.url(service).is_known())

    def run() -> Any:
        return deploy(program, preview=preview, monitor=lambda graph: Recorder(graph, EmptyCluster())).result

    if preview:
        assert run() is False
    else:
        with pytest.raises(LookupError, match="no address"):
            run()


def test_the_provider_never_forgets_objects_and_never_replaces_the_cluster_by_itself(
    pulumi_program: Callable[..., Deployed], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever runs the program may have these set; the cluster's settings must not come from there.
    for variable in ("DELETE_UNREACHABLE", "SKIP_UPDATE_UNREACHABLE", "ENABLE_CONFIGMAP_MUTABLE"):
        monkeypatch.setenv(f"PULUMI_K8S_{variable}", "true")
    monkeypatch.setenv("PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", "false")
    args = ClusterArgs(identifier="here", kind="local", server="https://10.1.0.1:6443", kubeconfig="/kubeconfig")
    provider = pulumi_program(lambda: Cluster("cluster", args).server).graph.one("kubernetes").inputs
    assert provider["clusterIdentifier"] == "here"
    for key in (
        "deleteUnreachable",
        "skipUpdateUnreachable",
        "enableConfigMapMutable",
    ):
        assert provider[key] == "false"
    # A new value comes into a Secret in place: as a replacement, pods that start would miss it for a while.
    assert provider["enableSecretMutable"] == "true"
    assert provider["enableServerSideApply"] == "true"
    settings = yaml.safe_load(provider["kubeClientSettings"])
    assert settings["qps"] >= 100
    assert settings["burst"] >= settings["qps"]
