"""`kind: stateful`: the StatefulSet, its volumes, its peers and its backups."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.pod_security import violations
from tests.unit.recorder import CLUSTER_IP, Graph
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import environment, team
from tests.unit.stacks.test_training import container_of, env_of, name_of

SERVER: dict[str, Any] = {
    "name": "features",
    "kind": "stateful",
    "image": "registry.example/features:1",
    "replicas": 3,
    "volume": {"size": "5Gi"},
    "backup": {"schedule": "0 3 * * *", "storage": "models", "keep": 5},
    "secretEnv": {"TOKEN": {"secret": "features", "key": "token"}},
}


def with_server(*, protect: bool = False, **keys: Any) -> dict[str, Any]:
    """An environment with the server alone. None removes a key."""
    entry = {key: value for key, value in {**SERVER, **keys}.items() if value is not None}
    return environment(teams=[team(training=[], serving=[entry])], protectData=protect)


@pytest.fixture
def graph(deploy_environment: Deploy) -> Graph:
    return deploy_environment(with_server()).graph


def test_the_outputs_have_the_one_shape(deploy_environment: Deploy) -> None:
    served = deploy_environment(with_server()).result["teams"]["demo"]["serving"]["features"]
    assert served == {
        "namespace": "demo",
        "workload": {"kind": "StatefulSet", "name": "features"},
        "service": "features",
        "autoscaler": None,
        "url": f"http://{CLUSTER_IP}",
        "route": None,
    }


def test_replicas_start_one_after_the_other(graph: Graph) -> None:
    spec = graph.one("StatefulSet").inputs["spec"]
    assert (spec["replicas"], spec["podManagementPolicy"]) == (3, "OrderedReady")
    assert spec["updateStrategy"] == {"type": "RollingUpdate"}
    assert spec["serviceName"] == "features-peers"
    assert spec["minReadySeconds"] > 0


def test_each_replica_has_an_address_before_it_is_ready(graph: Graph) -> None:
    peers = graph.one("Service", "demo-serving-features-peers")
    spec = peers.inputs["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)
    assert spec["selector"] == graph.one("StatefulSet").inputs["spec"]["selector"]["matchLabels"]
    assert env_of(graph.one("StatefulSet"))["PEERS"] == ",".join(
        f"http://features-{number}.features-peers:8080" for number in range(3)
    )
    # Prometheus reads each pod once, through the other Service.
    assert peers.labels["app.kubernetes.io/component"] != "serving"


def test_a_replica_knows_its_own_name_and_folder(graph: Graph) -> None:
    env = {one["name"]: one for one in container_of(graph.one("StatefulSet"))["env"]}
    assert env["REPLICA"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert env["DATA_DIR"]["value"] == "/data"
    mounts = container_of(graph.one("StatefulSet"))["volumeMounts"]
    assert {"name": "data", "mountPath": "/data"} in mounts


@pytest.mark.parametrize("protect", [False, True])
def test_claims_are_the_ones_that_the_set_looks_for(deploy_environment: Deploy, protect: bool) -> None:
    graph = deploy_environment(with_server(protect=protect)).graph
    claims = [claim for claim in graph.of_kind("PersistentVolumeClaim") if name_of(claim).startswith("data-")]
    assert [name_of(claim) for claim in claims] == [f"data-features-{number}" for number in range(3)]
    assert {(claim.protect, claim.retain_on_delete) for claim in claims} == {(protect, protect)}
    server = graph.one("StatefulSet")
    (template,) = server.inputs["spec"]["volumeClaimTemplates"]
    assert template["metadata"]["name"] == "data"
    assert {str(claim.inputs["spec"]) for claim in claims} == {str(template["spec"])}
    assert {claim.urn for claim in claims} <= graph.before(server)
    # The controller removes none: what becomes of the data is decided here.
    assert set(server.inputs["spec"]["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    assert "spec.volumeClaimTemplates" in server.ignore_changes


@pytest.mark.parametrize(
    ("reclaim", "expected"), [(None, (True, True)), ("Retain", (True, True)), ("Delete", (False, False))]
)
def test_reclaim_says_what_becomes_of_the_data(
    deploy_environment: Deploy, reclaim: str | None, expected: tuple[bool, bool]
) -> None:
    volume = {"size": "1Gi", **({"reclaim": reclaim} if reclaim else {})}
    graph = deploy_environment(with_server(protect=True, volume=volume)).graph
    claims = [claim for claim in graph.of_kind("PersistentVolumeClaim") if name_of(claim).startswith("data-")]
    assert {(claim.protect, claim.retain_on_delete) for claim in claims} == {expected}


def test_replicas_spread_and_drain_one_at_a_time(graph: Graph) -> None:
    spec = graph.one("StatefulSet").inputs["spec"]
    constraints = spec["template"]["spec"]["topologySpreadConstraints"]
    assert [each["labelSelector"] for each in constraints] == [spec["selector"]] * 2
    assert all("matchLabelKeys" not in each for each in constraints)
    budget = graph.one("PodDisruptionBudget").inputs["spec"]
    assert (budget["maxUnavailable"], budget["selector"]) == (1, spec["selector"])
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= 40
    assert {"startupProbe", "readinessProbe", "livenessProbe", "lifecycle"} <= container_of(
        graph.one("StatefulSet")
    ).keys()


def jobs(graph: Graph) -> dict[str, dict[str, Any]]:
    return {name_of(found): found.inputs["spec"] for found in graph.of_kind("CronJob")}


def test_a_backup_is_made_on_schedule_and_a_restore_only_when_asked(graph: Graph) -> None:
    found = jobs(graph)
    backup, restore = found["features-backup"], found["features-restore"]
    assert (backup["schedule"], backup["timeZone"], backup["suspend"]) == ("0 3 * * *", "Etc/UTC", False)
    assert restore["suspend"] is True
    assert {one["concurrencyPolicy"] for one in found.values()} == {"Forbid"}
    pods = {name: spec["jobTemplate"]["spec"]["template"]["spec"] for name, spec in found.items()}
    assert pods["features-backup"]["containers"][0]["args"] == ["backup"]
    assert pods["features-restore"]["containers"][0]["args"] == ["restore"]
    env = {one["name"]: one for one in pods["features-backup"]["containers"][0]["env"]}
    assert env["BACKUP_DIR"]["value"] == "/backups/features"
    assert env["BACKUP_KEEP"]["value"] == "5"
    assert env["SERVER_URL"]["value"] == "http://features"
    # What the server may do, its backup may do.
    assert "secretKeyRef" in env["TOKEN"]["valueFrom"]


def test_every_pod_passes_restricted(graph: Graph) -> None:
    pods = [spec["jobTemplate"]["spec"]["template"]["spec"] for spec in jobs(graph).values()]
    for pod in (*pods, graph.one("StatefulSet").inputs["spec"]["template"]["spec"]):
        assert violations(pod) == []
        assert pod["automountServiceAccountToken"] is False


def test_only_replicas_and_backups_reach_the_replicas(graph: Graph) -> None:
    policy = graph.one("NetworkPolicy", "demo-serving-features-peers-policy").inputs["spec"]
    server = graph.one("StatefulSet").inputs["spec"]["selector"]
    assert policy["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "features"}
    (component,) = policy["podSelector"]["matchExpressions"]
    assert component["values"] == ["serving", "backup"]
    assert policy["ingress"] == [{"from": [{"podSelector": server}]}]
    assert policy["egress"] == [{"to": [{"podSelector": server}]}]
    labels = jobs(graph)["features-backup"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "backup"


def test_a_server_without_backups_has_no_jobs(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_server(backup=None)).graph
    assert not graph.of_kind("CronJob")
    assert [name_of(claim) for claim in graph.of_kind("PersistentVolumeClaim")] == [
        f"data-features-{number}" for number in range(3)
    ]


def test_a_class_of_its_own(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_server(volume={"size": "1Gi", "storageClass": "fast", "path": "/var/lib/x"})).graph
    claims = [claim for claim in graph.of_kind("PersistentVolumeClaim") if name_of(claim).startswith("data-")]
    assert {claim.inputs["spec"]["storageClassName"] for claim in claims} == {"fast"}
    assert env_of(graph.one("StatefulSet"))["DATA_DIR"] == "/var/lib/x"
