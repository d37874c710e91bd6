"""`kind: tensorflow`: the Deployment of TensorFlow Serving, its configuration files and its ports."""

from __future__ import annotations

from typing import Any

import pytest

from components.serving.tensorflow import version_number
from tests.unit.pod_security import violations
from tests.unit.recorder import Graph
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import environment, team
from tests.unit.stacks.test_training import TRAIN, container_of, env_of, name_of

SERVER: dict[str, Any] = {
    "name": "digits-tf",
    "kind": "tensorflow",
    "image": "registry.example/serving:1",
    "model": "digits",
    "version": "v00000000ff",
    "batching": {"maxBatchSize": 32, "timeout": "5ms"},
}


def with_server(*, cluster: str = "local", **keys: Any) -> dict[str, Any]:
    """An environment with the server. None removes a key."""
    entry = {key: value for key, value in {**SERVER, **keys}.items() if value is not None}
    return environment(cluster={"kind": cluster}, teams=[team(serving=[entry])])


@pytest.fixture
def graph(deploy_environment: Deploy) -> Graph:
    return deploy_environment(with_server()).graph


@pytest.mark.parametrize(
    ("version", "number"), [("v0000000000", 0), ("v00000000ff", 255), ("vffffffffff", 1_099_511_627_775)]
)
def test_a_version_is_a_number(version: str, number: int) -> None:
    assert version_number(version) == number
    assert f"v{number:010x}" == version


def files(graph: Graph) -> dict[str, str]:
    return graph.one("ConfigMap").inputs["data"]


def test_the_version_is_the_only_one_and_has_its_label(graph: Graph) -> None:
    text = " ".join(files(graph)["models.config"].split())
    assert text == (
        'model_config_list { config { name: "digits" base_path: "/serving/digits" model_platform: "tensorflow" '
        "model_version_policy { specific { versions: 255 } } "
        'version_labels { key: "v00000000ff" value: 255 } } }'
    )
    assert "--allow_version_labels_for_unavailable_models=true" in container_of(graph.one("Deployment"))["args"]


def test_the_models_folder_is_mounted_under_the_number_of_its_version(graph: Graph) -> None:
    container = container_of(graph.one("Deployment"))
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    version = mounts["/serving/digits/255"]
    assert version["subPath"] == "digits/v00000000ff/saved_model/1"
    assert version["readOnly"] is True
    # Of the same volume as the whole, in which `make predict` finds the samples.
    assert version["name"] == mounts["/models"]["name"]
    assert env_of(graph.one("Deployment")) == {
        "MODEL_NAME": "digits",
        "MODEL_ROOT": "/models",
        "MODEL_VERSION": "v00000000ff",
    }


@pytest.mark.parametrize(
    ("batching", "expected"),
    [
        (
            {"maxBatchSize": 32, "timeout": "5ms"},
            "max_batch_size { value: 32 } batch_timeout_micros { value: 5000 } "
            "max_enqueued_batches { value: 100 } num_batch_threads { value: 1 }",
        ),
        (
            {"maxBatchSize": 8, "timeout": "250us", "maxEnqueued": 5, "threads": 4},
            "max_batch_size { value: 8 } batch_timeout_micros { value: 250 } "
            "max_enqueued_batches { value: 5 } num_batch_threads { value: 4 }",
        ),
        (None, None),
    ],
)
def test_batching_is_a_file_of_parameters(
    deploy_environment: Deploy, batching: dict[str, Any] | None, expected: str | None
) -> None:
    graph = deploy_environment(with_server(batching=batching)).graph
    found = files(graph).get("batching.config")
    assert (" ".join(found.split()) if found else None) == expected
    args = container_of(graph.one("Deployment"))["args"]
    assert ("--enable_batching=true" in args) is (expected is not None)
    assert ("--batching_parameters_file=/etc/tensorflow-serving/batching.config" in args) is (expected is not None)


@pytest.mark.parametrize("warmup", [True, False])
def test_warmup_is_a_flag(deploy_environment: Deploy, warmup: bool) -> None:
    args = container_of(deploy_environment(with_server(warmup=warmup)).graph.one("Deployment"))["args"]
    assert f"--enable_model_warmup={str(warmup).lower()}" in args


def test_other_files_are_other_pods(deploy_environment: Deploy, graph: Graph) -> None:
    other = deploy_environment(with_server(batching={"maxBatchSize": 64})).graph
    names = [name_of(one.one("ConfigMap")) for one in (graph, other)]
    assert names[0] != names[1]
    for one, name in zip((graph, other), names, strict=True):
        volumes = one.one("Deployment").inputs["spec"]["template"]["spec"]["volumes"]
        assert [volume["configMap"]["name"] for volume in volumes if "configMap" in volume] == [name]


def test_rest_and_grpc_have_a_port_each(graph: Graph) -> None:
    container = container_of(graph.one("Deployment"))
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {"http": 8501, "grpc": 8500}
    assert {"--rest_api_port=8501", "--port=8500"} <= set(container["args"])
    ports = graph.one("Service").inputs["spec"]["ports"]
    assert [(port["name"], port["port"], port["targetPort"]) for port in ports] == [
        ("http", 80, "http"),
        ("grpc", 8500, "grpc"),
    ]
    policy = graph.one("NetworkPolicy", "demo-serving-digits-tf-grpc-policy").inputs["spec"]
    assert policy["podSelector"] == {"matchLabels": graph.one("Deployment").inputs["spec"]["selector"]["matchLabels"]}
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": "grpc"}]}]


def test_prometheus_is_told_where_its_metrics_are(graph: Graph) -> None:
    path = graph.one("Service").inputs["metadata"]["annotations"]["ml-platform/metrics-path"]
    assert f'path: "{path}"' in files(graph)["monitoring.config"]


def test_probes_ask_for_the_model(graph: Graph) -> None:
    container = container_of(graph.one("Deployment"))
    probes = [container[key]["httpGet"] for key in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert probes == [{"path": "/v1/models/digits", "port": "http"}] * 3


def test_it_starts_the_program_at_its_path(graph: Graph) -> None:
    assert container_of(graph.one("Deployment"))["command"] == ["/usr/bin/tensorflow_model_server"]


@pytest.mark.parametrize(
    ("cluster", "image", "expected"),
    [
        ("local", None, "localhost/ml-platform/tf-server:"),
        ("existing", None, "docker.io/tensorflow/serving:"),
        ("existing", "tf-server", "localhost/ml-platform/tf-server:"),
        ("existing", "registry.example/serving:1", "registry.example/serving:1"),
    ],
)
def test_which_image_it_runs(deploy_environment: Deploy, cluster: str, image: str | None, expected: str) -> None:
    graph = deploy_environment(with_server(cluster=cluster, image=image)).graph
    assert container_of(graph.one("Deployment"))["image"].startswith(expected)


def test_it_waits_for_its_training_and_scales(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_server(version=None, autoscaling={"max": 3, "cpu": 70})).graph
    assert graph.one("Job", TRAIN).urn in graph.one("Deployment").depends_on
    assert graph.one("HorizontalPodAutoscaler").inputs["spec"]["scaleTargetRef"]["name"] == "digits-tf"
    assert graph.one("PodDisruptionBudget").inputs["spec"]["maxUnavailable"] == 1


def test_its_pods_pass_restricted(graph: Graph) -> None:
    assert violations(graph.one("Deployment").inputs["spec"]["template"]["spec"]) == []
