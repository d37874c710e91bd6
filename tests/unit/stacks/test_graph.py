"""Rules that hold for every resource of every environment, whatever it is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from components.labels import TEAM_LABEL
from tests.unit.pod_security import violations
from tests.unit.recorder import STACK, Graph, Registration
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.inventory import STACKS, inventory, inventory_path
from tests.unit.stacks.programs import TRAINING, environment, stack_config, team, volume

CLUSTER_SCOPED = {"Namespace", "PriorityClass"}
SHARED = {"PriorityClass"}
EVERY_LABEL = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/managed-by",
}
# A team with all that a config may ask for, beside one that has the same names in another namespace.
RICH = environment(
    teams=[
        team(
            "vision",
            namespace="vision-prod",
            labels={"cost-center": "42"},
            quota={"cpu": "64", "memory": "256Gi", "gpus": 16, "pods": 100, "storage": "1Ti"},
            owners=["vision-leads"],
            developers=["vision-devs"],
            viewers=["everyone"],
            training=[
                {
                    "name": "digits",
                    "kind": "job",
                    "image": "registry.example/trainer:1",
                    "data": "datasets",
                    "model": "models",
                    "resources": {"cpu": "4", "memory": "16Gi", "gpus": 2},
                    "nodeSelector": {"pool": "gpu"},
                    "env": {"EPOCHS": "3"},
                    "secretEnv": {"HUB_TOKEN": {"secret": "hub", "key": "token"}},
                }
            ],
        ),
        team("demo"),
    ]
)


@pytest.fixture(scope="module", params=["dev", "rich"])
def graph(request: pytest.FixtureRequest, deploy_environment: Deploy) -> Graph:
    return deploy_environment(stack_config("dev") if request.param == "dev" else RICH).graph


def pods(graph: Graph) -> list[tuple[str, dict[str, Any]]]:
    """The pod specs of all workloads, with the names of those."""
    return [
        (found.name, found.inputs["spec"]["template"]["spec"])
        for found in graph.objects()
        if "template" in found.inputs.get("spec", {})
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_urns_are_those_of_the_inventory(stack: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_PLATFORM_KUBECONFIG", str(kubeconfig))
    remedy = f"after a change that is meant: python -m tests.unit.stacks.inventory {stack}"
    assert inventory(stack) == inventory_path(stack).read_text(encoding="utf-8"), remedy


def test_a_child_is_named_after_its_parent(graph: Graph) -> None:
    known = graph.by_urn()
    for found in graph.registrations:
        if found.parent.split("::")[2] == STACK:
            assert not found.custom, f"{found.urn}: only components stand directly below the stack"
            continue
        assert found.name.startswith(f"{known[found.parent].name}-"), found.urn


def test_type_tokens_name_module_and_class(graph: Graph) -> None:
    own = {found.type for found in graph.registrations if not found.custom}
    assert own == {
        "mlplatform:cluster:Cluster",
        "mlplatform:platform:Priorities",
        "mlplatform:platform:VolumeClaim",
        "mlplatform:serving:ModelServer",
        "mlplatform:tenancy:Team",
        "mlplatform:training:TrainingJob",
    }


def test_urns_are_unique(graph: Graph) -> None:
    assert len(set(graph.urns())) == len(graph.urns())


def test_objects_have_names_namespaces_and_labels_of_their_own(graph: Graph) -> None:
    identities: set[tuple[str, str, str]] = set()
    for found in graph.objects():
        metadata = found.inputs["metadata"]
        assert metadata["name"], found.urn
        assert ("namespace" in metadata) is (found.kind not in CLUSTER_SCOPED), found.urn
        assert set(found.labels) >= EVERY_LABEL, found.urn
        # Whose it is says the team's label; only what all teams share has none.
        assert (TEAM_LABEL in found.labels) is (found.kind not in SHARED), found.urn
        identities.add((found.kind, metadata.get("namespace", ""), metadata["name"]))
    assert len(identities) == len(graph.objects())


def test_object_names_are_short_enough_for_labels_and_dns(graph: Graph) -> None:
    assert max(len(found.inputs["metadata"]["name"]) for found in graph.objects()) <= 63


def test_all_objects_go_through_the_one_provider_of_the_cluster(graph: Graph) -> None:
    provider = graph.one("kubernetes")
    assert {found.provider.rsplit("::", 1)[0] for found in graph.objects()} == {provider.urn}


def test_objects_wait_for_their_namespace(graph: Graph) -> None:
    namespaces = {found.inputs["metadata"]["name"]: found.urn for found in graph.of_kind("Namespace")}
    for found in graph.objects():
        if found.kind not in CLUSTER_SCOPED:
            assert namespaces[found.inputs["metadata"]["namespace"]] in graph.before(found), found.urn


def test_pulumi_alone_decides_what_is_deleted_before_it_is_replaced(graph: Graph) -> None:
    assert not [found.urn for found in graph.registrations if found.delete_before_replace]


def test_every_pod_passes_restricted(graph: Graph) -> None:
    assert pods(graph)
    assert {name: violations(pod) for name, pod in pods(graph)} == {name: [] for name, _ in pods(graph)}


def test_every_pod_is_as_the_architecture_says(graph: Graph) -> None:
    for name, pod in pods(graph):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]) == (10001, 10001)
        assert {"name": "tmp", "emptyDir": {}} in pod["volumes"], name
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"], name  # noqa: S108
            for part in ("requests", "limits"):
                assert {"cpu", "memory"} <= set(container["resources"][part]), name


def test_every_pod_runs_as_an_account_without_a_token(graph: Graph) -> None:
    accounts = {
        (found.inputs["metadata"]["namespace"], found.inputs["metadata"]["name"])
        for found in graph.of_kind("ServiceAccount")
        if found.inputs["automountServiceAccountToken"] is False
    }
    for found in graph.objects():
        if template := found.inputs.get("spec", {}).get("template"):
            account = (found.inputs["metadata"]["namespace"], template["spec"]["serviceAccountName"])
            assert account in accounts, found.urn


# Fields in which the API server tells "false" or "none" from "not said". Any other empty value is dropped when an
# object is stored: a refresh would then find every object changed that says one.
KEPT_WHEN_EMPTY = {
    "allowPrivilegeEscalation",
    "apiGroups",
    "automountServiceAccountToken",
    "emptyDir",
    "enableServiceLinks",
    "maxUnavailable",
    "podSelector",
    "stabilizationWindowSeconds",
}


def empty_fields(value: Any, key: str = "") -> set[str]:
    """The keys of all empty values (false, zero, empty text, list or mapping) in an object."""
    if isinstance(value, dict) and value:
        return set[str]().union(*(empty_fields(item, name) for name, item in value.items()))
    if isinstance(value, list) and value:
        return set[str]().union(*(empty_fields(item, key) for item in value))
    return set() if value else {key}


def test_objects_say_nothing_that_the_api_server_drops(graph: Graph) -> None:
    found = {found.urn: empty_fields(found.inputs) - KEPT_WHEN_EMPTY for found in graph.objects()}
    assert {urn: fields for urn, fields in found.items() if fields} == {}


def test_quantities_are_in_the_form_that_the_api_server_keeps(deploy_environment: Deploy) -> None:
    said = {"cpu": "1000m", "memory": "2048Mi", "limits": {"cpu": "1.5", "memory": "0.0625Ti"}}
    config = environment(
        storage=[volume("datasets", size="5120Mi"), volume("models")],
        teams=[team(quota={"cpu": "8000m", "storage": "0.5Ti"}, training=[{**TRAINING, "resources": said}])],
    )
    graph = deploy_environment(config).graph
    (container,) = graph.one("Job", "demo-training-digits-train").inputs["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "1", "memory": "2Gi"},
        "limits": {"cpu": "1500m", "memory": "64Gi"},
    }
    assert graph.one("ResourceQuota").inputs["spec"]["hard"] == {
        "requests.cpu": "8",
        "requests.storage": "512Gi",
    }
    claim = graph.one("PersistentVolumeClaim", "demo-storage-datasets-claim").inputs
    assert claim["spec"]["resources"]["requests"]["storage"] == "5Gi"


def test_selectors_match_the_pods_they_mean_and_no_others(graph: Graph) -> None:
    for server in graph.of_kind("Deployment"):
        namespace = server.inputs["metadata"]["namespace"]
        name = server.inputs["metadata"]["name"]
        selectors = [server.inputs["spec"]["selector"]["matchLabels"]]
        selectors += [
            found.inputs["spec"]["selector"].get("matchLabels", found.inputs["spec"]["selector"])
            for found in [*graph.of_kind("Service"), *graph.of_kind("PodDisruptionBudget")]
            if (found.inputs["metadata"]["namespace"], found.inputs["metadata"]["name"]) == (namespace, name)
        ]
        assert len(selectors) == 3
        assert selectors[0] == selectors[1] == selectors[2]
        assert matching(graph, namespace, selectors[0]) == [server.urn]


def matching(graph: Graph, namespace: str, selector: dict[str, str]) -> list[str]:
    """The URNs of the workloads of a namespace whose pods a selector matches."""

    def labels(found: Registration) -> dict[str, str]:
        return found.inputs.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})

    return [
        found.urn
        for found in graph.objects()
        if found.inputs["metadata"].get("namespace") == namespace
        and labels(found)
        and selector.items() <= labels(found).items()
    ]


# One mutant for each control: a check that lets one of them pass would prove nothing above.
MUTANTS: dict[str, dict[str, Any]] = {
    "hostNetwork": {"hostNetwork": True},
    "hostPID": {"hostPID": True},
    "hostIPC": {"hostIPC": True},
    "sysctls": {"securityContext": {"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]}},
    "volume host: hostPath": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]},
}
CONTAINER_MUTANTS: dict[str, dict[str, Any]] = {
    "privileged": {"privileged": True},
    "allowPrivilegeEscalation": {"allowPrivilegeEscalation": True},
    "capabilities": {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}},
    "runAsNonRoot": {"runAsNonRoot": False},
    "runAsUser": {"runAsUser": 0},
    "seccompProfile": {"seccompProfile": {"type": "Unconfined"}},
    "procMount": {"procMount": "Unmasked"},
}


@pytest.mark.parametrize("control", [*MUTANTS, *CONTAINER_MUTANTS, "hostPort"])
def test_the_check_of_pods_finds_each_violation(control: str, deploy_environment: Deploy) -> None:
    _, good = pods(deploy_environment(environment()).graph)[-1]
    pod = copy.deepcopy(good)
    container = pod["containers"][0]
    if control in MUTANTS:
        for key, value in MUTANTS[control].items():
            pod[key] = {**pod[key], **value} if isinstance(value, dict) else value
    elif control == "hostPort":
        container["ports"][0]["hostPort"] = 80
    else:
        container["securityContext"].update(CONTAINER_MUTANTS[control])
    found = violations(pod)
    assert [each.removeprefix("server: ") for each in found] == [control]
