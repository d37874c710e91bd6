"""The real Prometheus reads the real targets, evaluates the platform's rules, and tells the real Alertmanager."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.monitoring.rules import ALERTS
from components.platform.exceptions import exception_for
from tests.embedded import EmbeddedCluster, wait_for
from tests.platform.helpers.prometheus import Prometheus

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

#: Jobs that every cluster of these tests has, with the least number of targets of each.
JOBS = (
    "alertmanager",
    "apiserver",
    "cadvisor",
    "digits",
    "kube-dns",
    "kube-state-metrics",
    "kubelet",
    "kueue",
    "node-exporter",
    "prometheus",
    "prometheus-operator",
)


@pytest.fixture(scope="module")
def prometheus(platform: EmbeddedCluster) -> Prometheus:
    """A Prometheus that has read all of its targets once."""
    found = Prometheus(platform)

    def all_read() -> bool:
        jobs = {target["labels"]["job"] for target in found.targets() if target["health"] == "up"}
        return set(JOBS) <= jobs

    wait_for(f"targets of {', '.join(JOBS)}", all_read, 120)
    return found


@pytest.mark.proves("monitoring", "Prometheus reads every target", by="real run")
def test_every_target_is_up(prometheus: Prometheus) -> None:
    down = {target["scrapeUrl"]: target["lastError"] for target in prometheus.targets() if target["health"] != "up"}
    assert down == {}


def test_the_operators_objects_are_as_they_should_be(platform: EmbeddedCluster) -> None:
    for kind in ("prometheus", "alertmanager"):
        conditions = platform.get(f"{kind}.monitoring.coreos.com", "ml-platform", "-n", "monitoring")["status"]
        assert {one["type"]: one["status"] for one in conditions["conditions"]} == {
            "Available": "True",
            "Reconciled": "True",
        }


@pytest.mark.proves("monitoring", "every rule is evaluated on series that exist", by="real run")
def test_every_alert_is_loaded_and_can_be_evaluated(prometheus: Prometheus) -> None:
    wait_for("the rules", lambda: {rule["name"] for rule in prometheus.rules()} >= {a.name for a in ALERTS}, 60)

    def evaluated() -> bool:
        return all(rule["health"] == "ok" for rule in prometheus.rules())

    wait_for("an evaluation of every rule", evaluated, 60)
    assert [rule["lastError"] for rule in prometheus.rules() if rule.get("lastError")] == []
    alerts = {rule["name"] for rule in prometheus.rules() if rule["type"] == "alerting"}
    assert alerts == {alert.name for alert in ALERTS}


@pytest.mark.proves("serving/deployment", "is measured, with objectives", by="real run")
def test_a_model_server_is_measured(platform: EmbeddedCluster, prometheus: Prometheus) -> None:
    server = platform.outputs()["teams"]["vision"]["serving"]["digits"]
    (ready,) = prometheus.query('max by (namespace, service) (predictor_ready{namespace="vision", service="digits"})')
    assert ready.value == 1
    body = json.dumps({"input": [0] * 64})
    send = (
        "import urllib.request, sys;"
        "r = urllib.request.Request('http://127.0.0.1:8080/predict', data=sys.argv[1].encode(),"
        " headers={'Content-Type': 'application/json'});"
        "[urllib.request.urlopen(r).read() for _ in range(20)]"
    )
    platform.kubectl("exec", "-n", server["namespace"], "deployment/digits", "--", "python3", "-c", send, body)
    seen = 'sum(predictor_requests_total{namespace="vision", service="digits", route="/predict", status="200"})'
    wait_for("the requests in Prometheus", lambda: sum(one.value for one in prometheus.query(seen)) >= 20, 60)


@pytest.mark.proves("serving/deployment", "is measured, with objectives", by="real run")
def test_a_promise_and_how_it_is_kept_are_series(prometheus: Prometheus) -> None:
    of_server = '{namespace="vision", service="digits"}'
    (budget,) = prometheus.query(f"slo:request_errors:budget{of_server}")
    assert budget.value == 0.005
    wait_for("the share of failures", lambda: prometheus.query(f"slo:request_errors:ratio_rate1h{of_server}"), 90)
    assert all(one.value == 0 for one in prometheus.query(f"slo:request_errors:ratio_rate5m{of_server} > 0"))


def test_objects_are_known_by_their_labels(prometheus: Prometheus) -> None:
    jobs = prometheus.query('kube_job_labels{label_app_kubernetes_io_component="training", namespace="vision"}')
    assert {one.labels["label_ml_platform_team"] for one in jobs} == {"vision"}
    # What limits a server, and what it uses: the alerts about saturation divide one by the other.
    used = 'sum by (namespace, pod) (container_memory_working_set_bytes{container="server", namespace="vision"})'
    limit = (
        "sum by (namespace, pod) (kube_pod_container_resource_limits"
        '{container="server", resource="memory", namespace="vision"})'
    )
    assert all(0 < one.value < 1 for one in prometheus.query(f"{used} / {limit}"))
    assert prometheus.query(f"{used} / {limit}")


@pytest.mark.proves("monitoring", "an alert reaches Alertmanager", by="real run")
def test_an_alert_reaches_alertmanager(platform: EmbeddedCluster, prometheus: Prometheus) -> None:
    """A training that fails at once, made by hand, on a node that is only simulated or on the real one alike."""
    job: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "fails",
            "namespace": "default",
            "labels": {"app.kubernetes.io/name": "fails", "app.kubernetes.io/component": "training"},
        },
        "spec": {
            # Nothing has to run for it: no node has that label, and the deadline ends the Job.
            "activeDeadlineSeconds": 1,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "nodeSelector": {"nobody": "here"},
                    "containers": [{"name": "train", "image": "none"}],
                }
            },
        },
    }
    platform.kubectl("apply", "-f", "-", stdin=json.dumps(job))
    try:

        def told() -> list[dict[str, Any]]:
            alerts = [alert for alert in prometheus.alerts() if alert["labels"]["alertname"] == "TrainingFailed"]
            return [alert for alert in alerts if alert["labels"]["job_name"] == "fails"]

        (alert,) = wait_for("TrainingFailed at Alertmanager", told, 120)
    finally:
        platform.kubectl("delete", "job", "fails", "-n", "default", "--wait=false")
    assert alert["labels"]["severity"] == "warning"
    assert alert["annotations"]["summary"] == "The training default/fails failed."
    assert alert["annotations"]["runbook_url"].endswith("#trainingfailed")
    # The operator puts the namespace and the name of the AlertmanagerConfig before it.
    assert [receiver["name"].rpartition("/")[2] for receiver in alert["receivers"]] == ["nobody"]


def test_only_the_listed_pods_of_the_monitoring_are_unrestricted(platform: EmbeddedCluster) -> None:
    """Every pod of both namespaces, also those that the operator made, against the API server's own judgement."""
    label = "pod-security.kubernetes.io/enforce=restricted"
    done = platform.kubectl("label", "--dry-run=server", "--overwrite", "namespace", "monitoring", label)
    assert "violate" not in done.stderr
    done = platform.kubectl("label", "--dry-run=server", "--overwrite", "namespace", "monitoring-nodes", label)
    assert "node-exporter" in done.stderr
    assert exception_for("monitoring-nodes", "node-exporter") is not None


def test_prometheus_may_do_nothing_but_read(platform: EmbeddedCluster) -> None:
    account = "--as=system:serviceaccount:monitoring:prometheus"
    for question, answer in {
        ("list", "pods", "-n", "vision"): "yes",
        ("get", "nodes", "--subresource=metrics"): "yes",
        ("get", "secrets", "-n", "vision"): "no",
        ("get", "secrets", "-n", "monitoring"): "no",
        ("list", "pods", "-n", "local-path-storage"): "no",
        ("create", "pods", "-n", "monitoring"): "no",
        ("get", "nodes", "--subresource=proxy"): "no",
    }.items():
        assert platform.kubectl("auth", "can-i", *question, account, ok=False).stdout.strip() == answer, question


def test_a_team_may_look_at_nothing_of_it(platform: EmbeddedCluster) -> None:
    who = ("--as=someone", "--as-group=vision-leads")
    for question in (("get", "secrets", "-n", "monitoring"), ("create", "servicemonitors.monitoring.coreos.com")):
        namespace = () if "-n" in question else ("-n", "vision")
        answer = platform.kubectl("auth", "can-i", *question, *namespace, *who, ok=False).stdout.strip()
        assert answer == "no", question
