"""The logs of an environment: the collector, Loki, and who may reach it."""

from __future__ import annotations

from typing import Any

import pytest

from components import catalog
from components.platform.exceptions import exception_for
from stacks.logging.config import check_otlp_url
from tests.unit.recorder import Deployed
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import environment
from tests.unit.stacks.test_training import name_of

EXISTING = {"kind": "existing"}
STORE: dict[str, Any] = {"kind": "existing", "url": "https://loki.example.org/otlp"}


def releases(deployed: Deployed) -> dict[str, Any]:
    """Inputs of Helm releases by the names of their charts."""
    return {found.inputs["name"]: found.inputs for found in deployed.graph.of_kind("Release")}


def logged(cluster: dict[str, Any] | None = None, **logging: Any) -> dict[str, Any]:
    return environment(cluster=cluster or EXISTING, logging=logging)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://loki.example.org/otlp", "https://loki.example.org/otlp"),
        ("https://loki.example.org:3100/otlp/", "https://loki.example.org:3100/otlp"),
        ("http://loki.logs.svc:3100/otlp", "http://loki.logs.svc:3100/otlp"),
        ("http://loki.logs.svc.cluster.local", "http://loki.logs.svc.cluster.local"),
        ("http://loki.svc.example.org", None),
        ("http://10.0.0.1:3100", None),
        ("https://a@loki.example.org", None),
        ("https://", None),
        ("https://loki.example.org/otlp?token=a", None),
        ("loki.example.org", None),
        (7, None),
    ],
)
def test_addresses_of_log_stores(url: Any, kept: str | None) -> None:
    if kept:
        assert check_otlp_url(url) == kept
    else:
        with pytest.raises(ValueError, match="; "):
            check_otlp_url(url)


def test_without_the_section_nothing_collects(deploy_environment: Deploy) -> None:
    assert not deploy_environment(environment(cluster=EXISTING)).graph.of_kind("Release")


def test_loki_keeps_what_the_config_says_on_the_cluster_s_volumes(deploy_environment: Deploy) -> None:
    cluster = {**EXISTING, "storageClass": "standard"}
    loki = {"kind": "install", "retention": "30d", "size": "200Gi"}
    values = releases(deploy_environment(logged(cluster, loki=loki)))["loki"]["values"]
    assert values["singleBinary"]["persistence"] == {"enabled": True, "size": "200Gi", "storageClass": "standard"}
    assert values["loki"]["limits_config"]["retention_period"] == "720h"
    assert values["loki"]["compactor"]["retention_enabled"] is True
    own = releases(deploy_environment(logged(cluster, loki={**loki, "storageClass": "fast"})))["loki"]["values"]
    assert own["singleBinary"]["persistence"]["storageClass"] == "fast"


@pytest.mark.proves("logging", "a collector sends logs to Loki or another store")
def test_the_collector_sends_to_loki_and_waits_for_it(deploy_environment: Deploy) -> None:
    deployed = deploy_environment(logged())
    found = releases(deployed)
    assert set(found) == {"loki", "opentelemetry-collector"}
    config = found["opentelemetry-collector"]["values"]["alternateConfig"]
    assert config["exporters"] == {"otlp_http": {"endpoint": "http://loki.logging.svc.cluster.local:3100/otlp"}}
    assert config["service"]["pipelines"]["logs"]["exporters"] == ["otlp_http"]
    # Only logs: nothing listens for what nobody sends.
    assert set(config["service"]["pipelines"]) == {"logs"}
    assert config["receivers"] == {}
    # Its component waits, and with it all that is in it.
    loki = next(one for one in deployed.graph.of_kind("Release") if one.inputs["name"] == "loki")
    assert loki.urn in deployed.graph.one("Operator", "logs-collector").depends_on


@pytest.mark.proves("logging", "a collector sends logs to Loki or another store")
def test_another_store_gets_the_logs_and_its_credentials_stay_in_their_secret(deploy_environment: Deploy) -> None:
    store = {**STORE, "credentials": {"secret": "loki", "key": "authorization"}}
    found = releases(deploy_environment(logged(loki=store)))
    assert set(found) == {"opentelemetry-collector"}
    values = found["opentelemetry-collector"]["values"]
    assert values["alternateConfig"]["exporters"]["otlp_http"] == {
        "endpoint": "https://loki.example.org/otlp",
        "headers": {"Authorization": "${env:LOG_STORE_AUTHORIZATION}"},
    }
    assert values["extraEnvs"] == [
        {
            "name": "LOG_STORE_AUTHORIZATION",
            "valueFrom": {"secretKeyRef": {"name": "loki", "key": "authorization"}},
        }
    ]
    bare = releases(deploy_environment(logged(loki=STORE)))["opentelemetry-collector"]["values"]
    assert "extraEnvs" not in bare
    assert "headers" not in bare["alternateConfig"]["exporters"]["otlp_http"]


def test_only_the_collector_s_namespace_lets_pods_read_the_node(deploy_environment: Deploy) -> None:
    namespaces = {
        name_of(found): found.labels["pod-security.kubernetes.io/enforce"]
        for found in deploy_environment(logged()).graph.of_kind("Namespace")
    }
    assert namespaces == {"demo": "restricted", "logging": "restricted", "logging-nodes": "privileged"}
    assert exception_for("logging-nodes", "opentelemetry-collector-agent")
    assert not exception_for("logging", "loki")


def test_the_collector_has_no_power_of_root_but_its_files(deploy_environment: Deploy) -> None:
    context = releases(deploy_environment(logged()))["opentelemetry-collector"]["values"]["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True


def test_only_collectors_and_the_monitoring_reach_loki(deploy_environment: Deploy) -> None:
    graph = deploy_environment(logged()).graph
    policy = next(one for one in graph.of_kind("NetworkPolicy") if name_of(one) == "loki").inputs
    assert policy["metadata"]["namespace"] == "logging"
    (rule,) = policy["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 3100}]
    assert [peer["namespaceSelector"]["matchLabels"] for peer in rule["from"] if "namespaceSelector" in peer] == [
        {"kubernetes.io/metadata.name": "logging-nodes"},
        {"kubernetes.io/metadata.name": "monitoring"},
    ]


def test_images_are_the_catalog_s_and_come_through_the_mirror(deploy_environment: Deploy) -> None:
    reference = catalog.load().chart("opentelemetry-collector").images[0]
    repository, _, tag = reference.rpartition(":")
    image = releases(deploy_environment(logged()))["opentelemetry-collector"]["values"]["image"]
    assert image == {"repository": repository, "tag": tag}
    mirror = {"mirror": {"charts": "oci://registry.example.com/charts", "images": "registry.example.com/mirror"}}
    found = releases(deploy_environment({**logged(), "catalog": mirror}))
    assert found["opentelemetry-collector"]["values"]["image"] == {
        "repository": f"registry.example.com/mirror/{repository}",
        "tag": tag,
    }
    assert found["loki"]["values"]["loki"]["image"] == {"registry": "registry.example.com/mirror/docker.io"}


def test_the_embedded_cluster_takes_logs_with_a_mirror_that_has_the_images(deploy_environment: Deploy) -> None:
    mirror = {"mirror": {"charts": "oci://registry.example.com/charts", "images": "registry.example.com/mirror"}}
    deployed = deploy_environment({**logged({"kind": "local"}), "catalog": mirror})
    assert set(releases(deployed)) == {"loki", "opentelemetry-collector"}
