"""The monitoring of an environment: its programs, their rights, what they read, and who hears of alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.monitoring.instances import retention_bytes, seconds
from components.monitoring.rules import GROUPS
from components.platform.exceptions import exception_for
from tests.unit.pod_security import violations
from tests.unit.recorder import Graph, Registration
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import SERVING, environment, team
from tests.unit.stacks.test_training import name_of

VALID = Path(__file__).parents[2] / "config" / "valid" / "monitoring.yaml"
FULL: dict[str, Any] = yaml.safe_load(VALID.read_text(encoding="utf-8"))["config"]["ml-platform:environment"]
KUBERNETES_GROUP = "monitoring.coreos.com"


def own(deploy_environment: Deploy, **keys: Any) -> Graph:
    """The embedded cluster's way: each program an object of ours."""
    return deploy_environment(environment(monitoring={}, **keys)).graph


def chart(deploy_environment: Deploy, **keys: Any) -> Graph:
    return deploy_environment({**FULL, **keys}).graph


def custom(graph: Graph, kind: str) -> dict[str, Registration]:
    return {f"{found.inputs['metadata']['namespace']}/{name_of(found)}": found for found in graph.of_kind(kind)}


def jobs(graph: Graph) -> dict[str, dict[str, Any]]:
    """Prometheus' own scrape jobs, by name."""
    secret = graph.one("Secret", "monitoring-token-jobs").inputs["stringData"]["value"]["jobs.yaml"]
    return {job["job_name"]: job for job in yaml.safe_load(secret)}


def test_without_a_section_there_is_no_monitoring(deploy_environment: Deploy) -> None:
    deployed = deploy_environment(environment())
    assert deployed.result["monitoring"] is None
    assert not [found.urn for found in deployed.graph.registrations if "monitoring" in found.type]


def test_outputs_say_where_metrics_and_alerts_are(deploy_environment: Deploy) -> None:
    assert deploy_environment(environment(monitoring={})).result["monitoring"] == {
        "namespace": "monitoring",
        "prometheus": "http://prometheus.monitoring.svc:9090",
        "alertmanager": "http://alertmanager.monitoring.svc:9093",
    }


def test_every_group_of_rules_is_installed_on_both_ways(deploy_environment: Deploy) -> None:
    for graph, server in ((own(deploy_environment), "demo"), (chart(deploy_environment), "team-vision")):
        names = set(custom(graph, "PrometheusRule"))
        assert names == {f"monitoring/{group.name}" for group in GROUPS} | {f"{server}/slo-digits"}


def test_alerts_link_to_the_runbooks_of_the_config(deploy_environment: Deploy) -> None:
    rule = custom(chart(deploy_environment), "PrometheusRule")["monitoring/gpu"].inputs["spec"]["groups"][0]["rules"][0]
    assert rule["annotations"]["runbook_url"] == f"{FULL['monitoring']['runbooks']}#gpupodpending"


# -- pods and rights -------------------------------------------------------------------------------------------


def test_pods_are_restricted_but_for_the_listed_one(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment)
    workloads = [*graph.of_kind("Deployment"), *graph.of_kind("DaemonSet")]
    found = {name_of(workload): violations(workload.inputs["spec"]["template"]["spec"]) for workload in workloads}
    assert {name for name, wrong in found.items() if wrong} == {"node-exporter"}
    assert all("hostPath" in wrong for wrong in found["node-exporter"])
    exception = exception_for("monitoring-nodes", "node-exporter")
    assert exception is not None
    assert exception.needs == ("hostPath",)
    levels = {
        name_of(namespace): namespace.labels["pod-security.kubernetes.io/enforce"]
        for namespace in graph.of_kind("Namespace")
    }
    assert (levels["monitoring"], levels["monitoring-nodes"]) == ("restricted", "privileged")


def test_the_operators_own_pods_are_restricted(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment)
    for kind in ("Prometheus", "Alertmanager"):
        context = graph.one(kind).inputs["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_only_pods_that_ask_the_api_server_have_a_token(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment)
    pods = {
        name_of(found): found.inputs["spec"]["template"]["spec"]
        for kind in ("Deployment", "DaemonSet")
        for found in graph.of_kind(kind)
        if found.inputs["metadata"]["namespace"].startswith("monitoring")
    }
    assert {name: pod["automountServiceAccountToken"] for name, pod in pods.items()} == {
        "prometheus-operator": True,
        "kube-state-metrics": True,
        "node-exporter": False,
    }
    assert graph.one("Alertmanager").inputs["spec"]["automountServiceAccountToken"] is False


def rules_of(graph: Graph) -> list[dict[str, Any]]:
    roles = [found for kind in ("Role", "ClusterRole") for found in graph.of_kind(kind)]
    return [rule for role in roles if role.name.startswith("monitoring-") for rule in role.inputs["rules"]]


def test_no_right_has_a_wildcard_and_none_grants_rights(deploy_environment: Deploy) -> None:
    rules = rules_of(own(deploy_environment))
    assert len(rules) > 15
    for rule in rules:
        words = {word for key in rule for word in rule[key]}
        assert not words & {"*", "escalate", "bind", "impersonate"}, rule


def test_secrets_are_open_to_the_operator_in_its_own_namespace_only(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment)
    cluster_wide = [rule for role in graph.of_kind("ClusterRole") for rule in role.inputs["rules"]]
    assert not [rule for rule in cluster_wide if {"secrets", "configmaps"} & set(rule.get("resources", ()))]
    changing = [rule for rule in cluster_wide if set(rule["verbs"]) - {"get", "list", "watch"}]
    assert [rule["resources"] for rule in changing] == [["events"]]
    holders = [
        f"{role.inputs['metadata']['namespace']}/{name_of(role)}"
        for role in graph.of_kind("Role")
        if any("secrets" in rule["resources"] for rule in role.inputs["rules"]) and "monitoring" in role.name
    ]
    assert holders == ["monitoring/prometheus-operator"]


def test_prometheus_looks_for_targets_only_where_it_is_let_in(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment, teams=[team("vision"), team()])
    places = {
        binding.inputs["metadata"]["namespace"]
        for binding in graph.of_kind("RoleBinding")
        if name_of(binding) == "ml-platform-prometheus-discovery"
    }
    assert places == {"default", "kube-system", "monitoring", "monitoring-nodes", "vision", "demo"}
    wide = [binding for binding in graph.of_kind("ClusterRoleBinding") if name_of(binding) == "ml-platform:prometheus"]
    assert [subject["name"] for subject in wide[0].inputs["subjects"]] == ["prometheus"]


def test_with_queues_prometheus_reads_kueue(deploy_environment: Deploy) -> None:
    without, graph = own(deploy_environment), own(deploy_environment, queueing={})
    assert set(jobs(graph)) - set(jobs(without)) == {"kueue"}
    bindings = [found for found in graph.of_kind("RoleBinding") if found.name == "monitoring-discovery-kueue"]
    assert bindings[0].inputs["metadata"]["namespace"] == "kueue-system"
    assert any("Namespace" in urn and "queueing" in urn for urn in graph.before(bindings[0]))


def test_with_gpus_prometheus_reads_their_exporter(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment, gpu={"driver": "device-plugin"})
    assert {"monitoring/dcgm-exporter", "monitoring/nvidia-dcgm-exporter"} <= set(custom(graph, "PodMonitor"))
    assert "monitoring/dcgm-exporter" not in custom(own(deploy_environment), "PodMonitor")
    monitor = custom(graph, "PodMonitor")["monitoring/dcgm-exporter"].inputs["spec"]
    exporter = next(found for found in graph.of_kind("DaemonSet") if name_of(found) == "dcgm-exporter")
    pod = exporter.inputs["spec"]["template"]
    assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    ports = [port["name"] for port in pod["spec"]["containers"][0]["ports"]]
    assert monitor["podMetricsEndpoints"][0]["port"] in ports


# -- what is read ----------------------------------------------------------------------------------------------


def test_servers_are_read_at_the_port_of_their_service(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment)
    spec = graph.one("ServiceMonitor").inputs["spec"]
    service = next(found for found in graph.of_kind("Service") if found.name == "demo-serving-digits-service")
    assert spec["selector"]["matchLabels"].items() <= service.labels.items()
    assert spec["endpoints"][0]["port"] in [port["name"] for port in service.inputs["spec"]["ports"]]
    assert "namespaceSelector" not in spec


def test_every_own_program_is_read_at_a_port_that_it_has(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment)
    for name in ("prometheus-operator", "kube-state-metrics", "node-exporter"):
        workload = next(
            found
            for kind in ("Deployment", "DaemonSet")
            for found in graph.of_kind(kind)
            if name_of(found) == name and found.name.startswith("monitoring")
        )
        spec = custom(graph, "PodMonitor")[f"monitoring/{name}"].inputs["spec"]
        pod = workload.inputs["spec"]["template"]
        assert spec["namespaceSelector"]["matchNames"] == [workload.inputs["metadata"]["namespace"]]
        assert spec["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        ports = [port["name"] for port in pod["spec"]["containers"][0]["ports"]]
        assert spec["podMetricsEndpoints"][0]["port"] in ports


def test_simulated_nodes_and_their_pods_are_not_read(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment)
    for kind, key in (("PodMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "endpoints")):
        for monitor in graph.of_kind(kind):
            (endpoint,) = monitor.inputs["spec"][key]
            assert endpoint["relabelings"][0] == {
                "action": "drop",
                "sourceLabels": ["__meta_kubernetes_node_label_ml_platform_node"],
                "regex": "simulated",
            }
            assert monitor.inputs["spec"]["attachMetadata"] == {"node": True}
    for name in ("kubelet", "cadvisor"):
        assert jobs(graph)[name]["kubernetes_sd_configs"][0]["selectors"][0]["label"] == "ml-platform/node!=simulated"
    affinity = graph.one("DaemonSet").inputs["spec"]["template"]["spec"]["affinity"]
    (term,) = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "ml-platform/node", "operator": "NotIn", "values": ["simulated"]}]


def test_monitors_cannot_send_files_of_prometheus_away(deploy_environment: Deploy) -> None:
    spec = own(deploy_environment).one("Prometheus").inputs["spec"]
    assert spec["arbitraryFSAccessThroughSMs"] == {"deny": True}
    assert spec["enforcedSampleLimit"] == 50_000


@pytest.mark.parametrize(("kind", "verified"), [("local", True), ("existing", False)])
def test_certificates_of_kubelets_are_verified_where_they_can_be(
    deploy_environment: Deploy, kind: str, verified: bool
) -> None:
    graph = own(deploy_environment, cluster={"kind": kind})
    tls = jobs(graph)["kubelet"]["tls_config"]
    assert ("ca_file" in tls, tls.get("insecure_skip_verify", False)) == (verified, not verified)
    assert "ca_file" in jobs(graph)["apiserver"]["tls_config"]


def test_policies_open_what_prometheus_reads_and_nothing_else(deploy_environment: Deploy) -> None:
    graph = own(deploy_environment)
    policies = {
        f"{found.inputs['metadata']['namespace']}/{name_of(found)}": found.inputs["spec"]
        for found in graph.of_kind("NetworkPolicy")
    }
    for namespace in ("monitoring", "monitoring-nodes"):
        assert policies[f"{namespace}/default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    (rule,) = policies["demo/allow-metrics"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "metrics"}]
    assert rule["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
        }
    ]
    assert policies["monitoring/allow-within"]["ingress"] == [{"from": [{"podSelector": {}}]}]


# -- the chart -------------------------------------------------------------------------------------------------


def test_the_chart_gets_the_same_prometheus(deploy_environment: Deploy) -> None:
    values = chart(deploy_environment).one("Release").inputs["values"]
    spec = values["prometheus"]["prometheusSpec"]
    assert (spec["retention"], spec["scrapeInterval"]) == ("30d", "15s")
    claim = spec["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("fast", "200Gi")
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
    # A nil selector would mean the release's own label, an empty one everything.
    for kind in ("serviceMonitor", "podMonitor", "rule", "probe"):
        assert spec[f"{kind}Selector"] == {}
        assert spec[f"{kind}SelectorNilUsesHelmValues"] is False
    assert spec["additionalScrapeConfigsSecret"] == {
        "enabled": True,
        "name": "prometheus-token-jobs",
        "key": "jobs.yaml",
    }
    assert values["alertmanager"]["alertmanagerSpec"]["alertmanagerConfiguration"] == {"name": "ml-platform"}
    assert values["grafana"]["enabled"] is True


def test_the_chart_comes_after_the_crds_and_before_what_needs_it(deploy_environment: Deploy) -> None:
    graph = chart(deploy_environment)
    release = graph.one("Release")
    assert graph.one("Definitions").urn in graph.before(release)
    for kind in ("PrometheusRule", "ServiceMonitor", "PodMonitor"):
        assert all(release.urn in graph.before(found) for found in graph.of_kind(kind))


def test_images_of_the_chart_come_from_the_mirror(deploy_environment: Deploy) -> None:
    mirror = {"mirror": {"images": "registry.example.com/mirror"}}
    values = chart(deploy_environment, catalog=mirror).one("Release").inputs["values"]
    registries: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            registries.update([value["registry"]] if isinstance(value.get("registry"), str) else [])
            for inner in value.values():
                collect(inner)

    collect(values)
    assert registries == {f"registry.example.com/mirror/{name}" for name in ("quay.io", "registry.k8s.io", "docker.io")}


# -- who hears of alerts ---------------------------------------------------------------------------------------


def told(graph: Graph) -> dict[str, Any]:
    return graph.one("AlertmanagerConfig").inputs["spec"]


def test_without_receivers_nobody_is_told(deploy_environment: Deploy) -> None:
    spec = told(own(deploy_environment))
    assert spec["receivers"] == [{"name": "nobody"}]
    assert spec["route"]["receiver"] == "nobody"
    assert "routes" not in spec["route"]


@pytest.mark.proves("monitoring", "alerts are routed to their receivers")
def test_receivers_hold_references_to_secrets(deploy_environment: Deploy) -> None:
    receivers = {receiver["name"]: receiver for receiver in told(chart(deploy_environment))["receivers"]}
    assert receivers["ops"]["slackConfigs"][0]["apiURL"] == {"name": "alerting", "key": "slack-url"}
    assert receivers["oncall"]["pagerdutyConfigs"][0]["routingKey"] == {"name": "alerting", "key": "pagerduty"}
    assert receivers["hook"]["webhookConfigs"][0]["urlSecret"] == {"name": "alerting", "key": "hook-url"}
    (mail,) = receivers["vision-mail"]["emailConfigs"]
    assert mail["authPassword"] == {"name": "mail", "key": "password"}
    assert mail["to"] == "vision@example.com, lead@example.com"
    assert mail["requireTLS"] is True


@pytest.mark.proves("monitoring", "alerts are routed to their receivers")
def test_routes_go_in_the_order_of_the_config(deploy_environment: Deploy) -> None:
    route = told(chart(deploy_environment))["route"]
    assert route["receiver"] == "ops"
    matched = [
        (one["receiver"], {matcher["name"]: matcher["value"] for matcher in one["matchers"]}) for one in route["routes"]
    ]
    assert matched == [
        ("oncall", {"severity": "critical"}),
        ("vision-mail", {"severity": "warning", "namespace": "team-vision"}),
        ("hook", {"namespace": "team-vision"}),
    ]


# -- servers ---------------------------------------------------------------------------------------------------


def test_each_server_has_its_objectives(deploy_environment: Deploy) -> None:
    servers = [SERVING, {**SERVING, "name": "shadow", "slo": {"availability": 99.9}}]
    graph = own(deploy_environment, teams=[team(serving=servers)])
    rules = {name: found.inputs["spec"]["groups"][0] for name, found in custom(graph, "PrometheusRule").items()}
    budgets = {
        name: next(rule["expr"] for rule in rules[f"demo/slo-{name}"]["rules"] if rule["record"].endswith("rs:budget"))
        for name in ("digits", "shadow")
    }
    assert budgets == {"digits": "vector(0.005)", "shadow": "vector(0.001)"}


def test_monitoring_changes_no_workload(deploy_environment: Deploy) -> None:
    before, after = deploy_environment(environment()).graph, own(deploy_environment)
    for kind in ("Job", "Deployment", "Service"):
        unchanged = {found.urn: found.inputs for found in before.of_kind(kind)}
        assert {found.urn: found.inputs for found in after.of_kind(kind) if found.urn in unchanged} == unchanged


@pytest.mark.parametrize(("amount", "text"), [(1296000, "15d"), (7200, "2h"), (90, "90s"), (60, "1m"), (30, "30s")])
def test_durations(amount: int, text: str) -> None:
    assert seconds(amount) == text


def test_prometheus_leaves_room_on_its_volume() -> None:
    assert retention_bytes(50 * 1024**3) == "42949MB"
    assert retention_bytes(1) == "100MB"
