"""GPUs, placement and priorities of an environment: from its config to objects."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from components.gpu.daemons import NAMESPACE
from components.platform.exceptions import EXCEPTIONS, exception_for
from stacks.environment.config import Environment
from stacks.gpu.config import Gpu
from tests.sound import sound
from tests.unit.recorder import Graph, Registration
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import SERVING, TRAINING, environment, team
from tests.unit.stacks.test_training import name_of

POOLS: list[dict[str, Any]] = [
    {"name": "a100", "count": 2, "gpus": 8, "instanceType": "p4d.24xlarge", "gpuProduct": "NVIDIA-A100-SXM4-40GB"},
    {"name": "sliced", "count": 1, "gpus": 4, "instanceType": "g5.12xlarge"},
    {"name": "parts", "count": 1, "gpus": 8, "instanceType": "p4d.24xlarge", "gpuProduct": "NVIDIA-A100-SXM4-40GB"},
]
SHARED: dict[str, Any] = {
    "pools": [
        {"name": "sliced", "sharing": {"kind": "time-slicing", "replicas": 4}},
        {"name": "parts", "sharing": {"kind": "mig", "profiles": {"1g.5gb": 7}}},
    ]
}


def with_gpus(gpu: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    settings = {"gpu": gpu} if gpu is not None else {}
    return environment(cluster={"kind": "local", "simulatedNodes": POOLS}, **settings, **keys)


def existing(gpu: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """On a cluster of which the config knows no node."""
    return environment(cluster={"kind": "existing"}, gpu=gpu, **keys)


def pod_of(found: Registration) -> dict[str, Any]:
    return found.inputs["spec"]["template"]["spec"]


def entries(**keys: Any) -> list[dict[str, Any]]:
    """One team, with these keys in its training and its serving entry."""
    training, serving = keys.get("training", {}), keys.get("serving", {})
    return [team(training=[{**TRAINING, **training}], serving=[{**SERVING, **serving}])]


# --- what the pods of the platform need of a node ---------------------------------------------------------------


def needs(pod: dict[str, Any]) -> set[str]:
    """What keeps a pod from being `restricted`, in the words of the list of exceptions."""
    found = {key for key in ("hostNetwork", "hostPID") if pod.get(key)}
    found |= {"hostPath" for volume in pod.get("volumes", []) if "hostPath" in volume}
    for container in pod["containers"]:
        context = container["securityContext"]
        found |= {"privileged"} if context.get("privileged") else set()
        found |= {f"capability {name}" for name in context.get("capabilities", {}).get("add", [])}
        user = context.get("runAsUser", pod.get("securityContext", {}).get("runAsUser"))
        found |= {"root"} if user == 0 else set()
        found |= {"hostPort" for port in container.get("ports", []) if "hostPort" in port}
    return found


def test_the_list_of_exceptions_says_exactly_what_the_daemons_need(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_gpus(SHARED)).graph
    daemons = graph.of_kind("DaemonSet")
    assert len(daemons) == 4
    seen: dict[str, set[str]] = {}
    for daemon in daemons:
        exception = exception_for(daemon.inputs["metadata"]["namespace"], name_of(daemon))
        assert exception, daemon.urn
        seen.setdefault(exception.workload, set()).update(needs(pod_of(daemon)))
    listed = {one.workload: set(one.needs) for one in EXCEPTIONS if one.namespace == NAMESPACE}
    assert seen == listed
    assert all(one.why.endswith(".") for one in EXCEPTIONS)


def test_daemons_have_limits_and_no_right_to_the_api(deploy_environment: Deploy) -> None:
    for daemon in deploy_environment(with_gpus(SHARED)).graph.of_kind("DaemonSet"):
        pod = pod_of(daemon)
        assert pod["automountServiceAccountToken"] is False
        assert pod["priorityClassName"] == "system-node-critical"
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            for part in ("requests", "limits"):
                assert {"cpu", "memory"} <= set(container["resources"][part])
            assert container["image"].startswith("nvcr.io/nvidia/")


def plugin_configs(graph: Graph) -> list[Registration]:
    return [found for found in graph.of_kind("ConfigMap") if "config.yaml" in found.inputs["data"]]


def test_each_pool_has_the_plugin_of_its_setting(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_gpus(SHARED)).graph
    configs = {name_of(found): yaml.safe_load(found.inputs["data"]["config.yaml"]) for found in plugin_configs(graph)}
    for pool, key in (("sliced", "sharing"), ("parts", "flags")):
        daemon = graph.one("DaemonSet", f"gpu-device-plugin-nvidia-device-plugin-{pool}")
        (volume,) = [one for one in pod_of(daemon)["volumes"] if "configMap" in one]
        assert configs[volume["configMap"]["name"]][key]
        terms = pod_of(daemon)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        chosen = {
            one["key"]: (one["operator"], one["values"]) for one in terms["nodeSelectorTerms"][0]["matchExpressions"]
        }
        assert chosen == {
            "nvidia.com/gpu.present": ("In", ["true"]),
            "ml-platform/node-pool": ("In", [pool]),
        }


def test_a_new_setting_is_a_new_config_and_so_a_new_pod(deploy_environment: Deploy) -> None:
    def config(replicas: int) -> str:
        gpu = {"sharing": {"kind": "time-slicing", "replicas": replicas}}
        (found,) = plugin_configs(deploy_environment(existing(gpu)).graph)
        return name_of(found)

    assert config(2) != config(3)


@pytest.mark.parametrize(
    ("gpu", "daemons", "releases"),
    [
        (None, [], []),
        ({}, ["dcgm-exporter", "nvidia-device-plugin"], []),
        ({"dcgm": False}, ["nvidia-device-plugin"], []),
        ({"driver": "none"}, ["dcgm-exporter"], []),
        ({"driver": "none", "dcgm": False}, [], []),
        ({"driver": "operator"}, [], ["gpu-operator"]),
        ({"driver": "operator", "dra": True}, [], ["dra-driver-nvidia-gpu", "gpu-operator"]),
        ({"driver": "none", "dra": True, "dcgm": False}, [], []),
    ],
)
def test_what_is_installed(
    deploy_environment: Deploy, gpu: dict[str, Any] | None, daemons: list[str], releases: list[str]
) -> None:
    config = environment(cluster={"kind": "existing"}, **({"gpu": gpu} if gpu is not None else {}))
    graph = deploy_environment(config).graph
    assert sorted(map(name_of, graph.of_kind("DaemonSet"))) == daemons
    assert sorted(found.inputs["name"] for found in graph.of_kind("Release")) == releases
    namespaces = {name_of(found): found.labels for found in graph.of_kind("Namespace")}
    for name in namespaces.keys() - {"demo"}:
        assert namespaces[name]["pod-security.kubernetes.io/enforce"] == "privileged"


@pytest.mark.parametrize(
    ("gpu", "entries"),
    [
        ({}, {"nvidia-device-plugin", "dcgm-exporter"}),
        ({"driver": "none", "dcgm": False}, set()),
        ({"driver": "operator", "dra": True}, {"gpu-operator", "dra-driver-nvidia-gpu"}),
    ],
)
def test_what_the_mirror_must_have(gpu: dict[str, Any], entries: set[str]) -> None:
    assert set(Gpu.model_validate(gpu).installs("existing")) == entries


# --- what workloads ask for --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "limits"),
    [
        ({"gpus": 2}, {"nvidia.com/gpu": "2"}),
        ({"sharedGpus": 1}, {"nvidia.com/gpu.shared": "1"}),
        ({"mig": {"profile": "1g.5gb", "count": 3}}, {"nvidia.com/mig-1g.5gb": "3"}),
        ({}, {}),
    ],
)
def test_gpus_and_their_parts_are_requested_and_limited(
    deploy_environment: Deploy, resources: dict[str, Any], limits: dict[str, str]
) -> None:
    graph = deploy_environment(with_gpus(SHARED, teams=entries(serving={"resources": resources}))).graph
    pod = pod_of(graph.one("Deployment"))
    given = pod["containers"][0]["resources"]
    for part in ("requests", "limits"):
        assert {name: amount for name, amount in given[part].items() if name.startswith("nvidia.com/")} == limits
    borne = [one["key"] for one in pod.get("tolerations", [])]
    assert borne == (["nvidia.com/gpu"] if limits else [])


def test_claimed_gpus_are_no_resource(deploy_environment: Deploy) -> None:
    teams = entries(training={"resources": {"gpus": 4}}, serving={"resources": {"gpus": 1}})
    teams[0]["quota"] = {"gpus": 9}
    graph = deploy_environment(existing({"driver": "none", "dra": True}, teams=teams)).graph
    templates = {name_of(found): found for found in graph.of_kind("ResourceClaimTemplate")}
    assert sorted(templates) == ["gpus-1", "gpus-4"]
    assert {found.type for found in templates.values()} == {"kubernetes:resource.k8s.io/v1:ResourceClaimTemplate"}
    for pod, template in ((pod_of(graph.one("Deployment")), "gpus-1"), (job_pods(graph)["train"], "gpus-4")):
        assert pod["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": template}]
        assert pod["containers"][0]["resources"]["claims"] == [{"name": "gpu"}]
        assert not [name for name in pod["containers"][0]["resources"]["limits"] if name.startswith("nvidia.com")]
    hard = graph.one("ResourceQuota").inputs["spec"]["hard"]
    assert hard == {"gpu.nvidia.com.deviceclass.resource.k8s.io/devices": "9"}


def test_quotas_count_parts_of_gpus(deploy_environment: Deploy) -> None:
    quota = {"gpus": 4, "sharedGpus": 8, "mig": {"1g.5gb": 14}}
    graph = deploy_environment(environment(teams=[team(quota=quota)])).graph
    assert graph.one("ResourceQuota").inputs["spec"]["hard"] == {
        "requests.nvidia.com/gpu": "4",
        "requests.nvidia.com/gpu.shared": "8",
        "requests.nvidia.com/mig-1g.5gb": "14",
    }


# --- placement and priorities ------------------------------------------------------------------------------------


def job_pods(graph: Graph) -> dict[str, dict[str, Any]]:
    return {found.stable_name.rpartition("-")[2]: pod_of(found) for found in graph.of_kind("Job")}


def test_a_pool_is_selected_and_its_dedication_borne(deploy_environment: Deploy) -> None:
    teams = entries(training={"pool": "a100", "resources": {"gpus": 8}})
    pods = job_pods(deploy_environment(with_gpus({}, teams=teams)).graph)
    assert pods["train"]["nodeSelector"] == {"ml-platform/node-pool": "a100"}
    assert {(one["key"], one.get("value")) for one in pods["train"]["tolerations"]} == {
        ("ml-platform/team", "demo"),
        ("nvidia.com/gpu", None),
    }
    # Preparing data needs no GPU, and does not take the place of work that does.
    assert not {"nodeSelector", "tolerations"} & set(pods["prepare"])


def test_servers_go_before_training(deploy_environment: Deploy) -> None:
    graph = deploy_environment(environment()).graph
    classes = {name_of(found): found.inputs for found in graph.of_kind("PriorityClass")}
    server = pod_of(graph.one("Deployment"))["priorityClassName"]
    training = {pod["priorityClassName"] for pod in job_pods(graph).values()}
    assert (server, training) == ("ml-platform-serving", {"ml-platform-training"})
    assert classes[server]["value"] > classes["ml-platform-training"]["value"]
    assert classes["ml-platform-preemptible"]["preemptionPolicy"] == "Never"
    # They are there before the first pod, and until the last one is gone.
    made = {found.urn for found in graph.of_kind("PriorityClass")}
    for found in (*graph.of_kind("Job"), graph.one("Deployment")):
        assert made <= graph.before(found)


def test_a_class_of_ones_own(deploy_environment: Deploy) -> None:
    added = [{"name": "interactive", "value": 50000, "preempts": False, "description": "Notebooks."}]
    graph = deploy_environment(environment(priorities=added, teams=entries(serving={"priority": "interactive"}))).graph
    assert pod_of(graph.one("Deployment"))["priorityClassName"] == "interactive"
    made = graph.one("PriorityClass", "priorities-interactive").inputs
    assert (made["value"], made["preemptionPolicy"], made["description"]) == (50000, "Never", "Notebooks.")


def test_affinity_and_spread_of_a_server(deploy_environment: Deploy) -> None:
    serving = {
        "affinity": {"nodes": {"required": {"disk": ["ssd"]}}, "away": ["digits"]},
        "topologySpread": [{"over": "host", "maxSkew": 2, "required": True}],
    }
    pod = pod_of(deploy_environment(environment(teams=entries(serving=serving))).graph.one("Deployment"))
    assert set(pod["affinity"]) == {"nodeAffinity", "podAntiAffinity"}
    rules = {one["topologyKey"]: (one["maxSkew"], one["whenUnsatisfiable"]) for one in pod["topologySpreadConstraints"]}
    assert rules == {
        "topology.kubernetes.io/zone": (1, "ScheduleAnyway"),
        "kubernetes.io/hostname": (2, "DoNotSchedule"),
    }


# --- labels by which NVIDIA's operator knows a pool ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "labels"),
    [
        ("device-plugin", [{}, {}, {}]),
        (
            "operator",
            [
                {},
                {"nvidia.com/device-plugin.config": "sliced", "nvidia.com/mig.config": "all-disabled"},
                {"nvidia.com/device-plugin.config": "parts", "nvidia.com/mig.config": "parts"},
            ],
        ),
    ],
)
def test_labels_of_pools_with_a_setting_of_their_own(driver: str, labels: list[dict[str, str]]) -> None:
    gpu = Gpu.model_validate({**SHARED, "driver": driver})
    assert [gpu.node_labels(pool) for pool in ("a100", "sliced", "parts")] == labels


def test_a_config_without_gpus_says_nothing_of_them() -> None:
    said = sound(Environment, environment())
    assert said.gpu is None
    assert not said.claims_gpus
