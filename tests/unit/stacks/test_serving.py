"""Serving entries: what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.recorder import CLUSTER_IP
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import SERVING, TRAINING, environment, team, with_serving
from tests.unit.stacks.test_training import TRAIN, container_of, env_of, name_of


def test_a_server_waits_for_the_training_of_its_model(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment()).graph
    server, train = graph.one("Deployment"), graph.one("Job", TRAIN)
    assert train.urn in server.depends_on
    assert env_of(server) == {
        "MODEL_NAME": "digits",
        "MODEL_ROOT": "/models",
        "MODEL_VERSION": name_of(train).removeprefix("digits-train-"),
        "PORT": "8080",
    }


def test_a_server_that_is_rolled_back_waits_for_no_training(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_serving(version="v0123456789")).graph
    server = graph.one("Deployment")
    assert env_of(server)["MODEL_VERSION"] == "v0123456789"
    jobs = {job.urn for job in graph.of_kind("Job")}
    assert jobs
    assert not jobs & graph.before(server)


def test_a_server_pinned_to_the_trained_version_waits_for_it(deploy_environment: Deploy) -> None:
    trained = deploy_environment(environment()).result["teams"]["demo"]["training"]["digits"]["model"]["version"]
    graph = deploy_environment(with_serving(version=trained)).graph
    assert graph.one("Job", TRAIN).urn in graph.one("Deployment").depends_on


def test_models_that_others_trained_are_served_from_their_storage(deploy_environment: Deploy) -> None:
    entry = {**SERVING, "model": "bought", "storage": "models", "version": "v0123456789"}
    graph = deploy_environment(environment(teams=[team(training=[], serving=[entry])])).graph
    volumes = graph.one("Deployment").inputs["spec"]["template"]["spec"]["volumes"]
    assert [volume["persistentVolumeClaim"] for volume in volumes[1:]] == [{"claimName": "models"}]
    assert [name_of(claim) for claim in graph.of_kind("PersistentVolumeClaim")] == ["models"]


def test_models_are_mounted_read_only(deploy_environment: Deploy) -> None:
    mounts = container_of(deploy_environment(environment()).graph.one("Deployment"))["volumeMounts"]
    assert mounts[1:] == [{"name": "storage-models", "mountPath": "/models", "readOnly": True}]


def test_a_scaled_server_leaves_its_replicas_to_the_autoscaler(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment()).graph
    assert "replicas" not in graph.one("Deployment").inputs["spec"]
    autoscaler = graph.one("HorizontalPodAutoscaler").inputs["spec"]
    assert autoscaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "digits"}
    assert (autoscaler["minReplicas"], autoscaler["maxReplicas"]) == (1, 4)


@pytest.mark.parametrize(("replicas", "expected"), [(None, 1), (3, 3)])
def test_any_other_server_has_a_number_of_replicas(
    deploy_environment: Deploy, replicas: int | None, expected: int
) -> None:
    deployed = deploy_environment(with_serving(autoscaling=None, replicas=replicas))
    assert deployed.graph.one("Deployment").inputs["spec"]["replicas"] == expected
    assert not deployed.graph.of_kind("HorizontalPodAutoscaler")
    assert deployed.result["teams"]["demo"]["serving"]["digits"]["autoscaler"] is None


def test_probes_ask_what_the_contract_says(deploy_environment: Deploy) -> None:
    probes = {"startupSeconds": 30, "periodSeconds": 4, "timeoutSeconds": 1}
    container = container_of(deploy_environment(with_serving(probes=probes)).graph.one("Deployment"))
    paths = {key: container[key]["httpGet"] for key in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {
        "startupProbe": {"path": "/readyz", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
        "livenessProbe": {"path": "/healthz", "port": "http"},
    }
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] == 30
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]

    def patience(probe: dict[str, Any]) -> int:
        return probe["periodSeconds"] * probe["failureThreshold"]

    # A busy server leaves the Service long before it is restarted.
    assert patience(container["livenessProbe"]) > 2 * patience(container["readinessProbe"])


@pytest.mark.parametrize("seconds", [0, 10, 45])
def test_a_server_drains_before_it_ends(deploy_environment: Deploy, seconds: int) -> None:
    server = deploy_environment(with_serving(drainSeconds=seconds)).graph.one("Deployment")
    command = container_of(server)["lifecycle"]["preStop"]["exec"]["command"]
    assert command == ["sh", "-c", f"touch /tmp/draining && sleep {seconds}"]
    # The time counts from the start of the hook: what is left after it is for the requests in flight.
    assert server.inputs["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= seconds + 30


def test_a_rollout_takes_no_replica_before_the_next_is_ready(deploy_environment: Deploy) -> None:
    spec = deploy_environment(environment()).graph.one("Deployment").inputs["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }
    assert spec["minReadySeconds"] > 0
    assert spec["progressDeadlineSeconds"] > 300, "longer than the longest start"


def test_replicas_are_spread_as_a_wish(deploy_environment: Deploy) -> None:
    spec = deploy_environment(environment()).graph.one("Deployment").inputs["spec"]
    constraints = spec["template"]["spec"]["topologySpreadConstraints"]
    assert {each["whenUnsatisfiable"] for each in constraints} == {"ScheduleAnyway"}
    assert [each["labelSelector"] for each in constraints] == [spec["selector"]] * 2


def test_a_server_has_a_disruption_budget(deploy_environment: Deploy) -> None:
    spec = (
        deploy_environment(with_serving(disruption={"maxUnavailable": "50%"})).graph.one("PodDisruptionBudget").inputs
    )
    assert spec["spec"]["maxUnavailable"] == "50%"
    assert spec["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize(
    ("cluster", "service_type", "url", "awaited"),
    [
        ({"kind": "local"}, "ClusterIP", f"http://{CLUSTER_IP}", False),
        ({"kind": "existing"}, "ClusterIP", f"http://{CLUSTER_IP}", False),
        ({"kind": "existing", "serviceType": "NodePort"}, "NodePort", "http://node.example:30080", False),
        ({"kind": "existing", "serviceType": "LoadBalancer"}, "LoadBalancer", "http://lb.example", True),
    ],
)
def test_how_a_server_is_reached(
    deploy_environment: Deploy, cluster: dict[str, Any], service_type: str, url: str, awaited: bool
) -> None:
    deployed = deploy_environment(environment(cluster=cluster))
    service = deployed.graph.one("Service").inputs
    assert service["spec"]["type"] == service_type
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]
    skipped = service["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") == "true"
    assert skipped is not awaited
    assert deployed.result["teams"]["demo"]["serving"]["digits"]["url"] == url


def test_two_servers_of_one_model_share_nothing_but_the_model(deploy_environment: Deploy) -> None:
    servers = [SERVING, {**SERVING, "name": "shadow"}]
    graph = deploy_environment(environment(teams=[team(training=[TRAINING], serving=servers)])).graph
    assert sorted(name_of(found) for found in graph.of_kind("Deployment")) == ["digits", "shadow"]
    assert len({env_of(found)["MODEL_VERSION"] for found in graph.of_kind("Deployment")}) == 1
