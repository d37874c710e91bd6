"""The operators of the training engines: their pods, their rights, and the order in which they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.platform.connection import Connection
from components.platform.sources import Sources
from components.training.operators import kubeflow_v1, mpi, ray, trainer
from components.training.operators.operator import EngineOperatorArgs
from tests.unit.pod_security import violations
from tests.unit.recorder import Graph, deploy

SOURCES = Sources(images="mirror.example/x")
CONNECTION = Connection(kubeconfig="kubeconfig")
ARGS = EngineOperatorArgs(sources=SOURCES, connection=CONNECTION)
MAKERS: dict[str, Callable[[], Any]] = {
    kubeflow_v1.TITLE: lambda: kubeflow_v1.TrainingOperator("x", ARGS),
    mpi.TITLE: lambda: mpi.MpiOperator("x", ARGS),
    ray.TITLE: lambda: ray.KubeRay("x", ARGS),
}


@pytest.fixture(scope="module")
def graphs() -> dict[str, Graph]:
    return {title: deploy(make).graph for title, make in MAKERS.items()}


Right = tuple[str, str, str]


def rights(rules: list[dict[str, Any]]) -> set[Right]:
    """Every (API group, resource, verb) of some rules, with the names of manifests or of the SDK."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule.get("apiGroups", rule.get("api_groups", ()))
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("title", MAKERS)
def test_pods_are_restricted_and_of_the_mirror(graphs: dict[str, Graph], title: str) -> None:
    graph = graphs[title]
    assert graph.one("Namespace").labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = graph.one("Deployment").inputs["spec"]["template"]["spec"]
    assert not violations(pod)
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["image"].startswith("mirror.example/x/")
    assert graph.one("ServiceAccount").inputs["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is True


@pytest.mark.parametrize("title", MAKERS)
def test_an_operator_starts_after_its_kinds_and_its_rights(graphs: dict[str, Graph], title: str) -> None:
    graph = graphs[title]
    before = graph.before(graph.one("Deployment"))
    needed = [
        found
        for found in graph.registrations
        if found.kind
        in (
            "ClusterRole",
            "ClusterRoleBinding",
            "ConfigMap",
            "Definitions",
            "Role",
            "RoleBinding",
            "Secret",
            "Service",
            "ServiceAccount",
            "ValidatingWebhookConfiguration",
        )
    ]
    assert {found.urn for found in needed} <= before


@pytest.mark.parametrize("title", MAKERS)
def test_no_operator_may_do_what_it_likes(graphs: dict[str, Graph], title: str) -> None:
    allowed = rights(graphs[title].one("ClusterRole").inputs["rules"])
    assert not [right for right in allowed if "*" in right[:2]]
    # Whoever could write these would have every right.
    assert not {resource for _, resource, _ in allowed} & {"clusterroles", "clusterrolebindings", "nodes"}


def test_the_certificate_and_its_authority_are_the_operators_to_write(graphs: dict[str, Graph]) -> None:
    graph = graphs[kubeflow_v1.TITLE]
    assert graph.one("Secret").inputs["metadata"]["name"] == kubeflow_v1.CERTIFICATE
    assert graph.one("Secret").ignore_changes == ("data",)
    configuration = graph.one("ValidatingWebhookConfiguration")
    assert configuration.ignore_changes == ("webhooks[*].clientConfig.caBundle",)
    service = graph.one("Service").inputs
    for webhook in configuration.inputs["webhooks"]:
        target = webhook["clientConfig"]["service"]
        assert (target["name"], target["namespace"]) == (
            service["metadata"]["name"],
            graph.one("Namespace").inputs["metadata"]["name"],
        )
    # Secrets of other namespaces are none of its business.
    assert "secrets" not in {resource for _, resource, _ in rights(graph.one("ClusterRole").inputs["rules"])}


def test_only_kinds_with_a_definition_are_switched_on(graphs: dict[str, Graph]) -> None:
    pod = graphs[kubeflow_v1.TITLE].one("Deployment").inputs["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["--enable-scheme=pytorchjob", "--enable-scheme=tfjob"]


def test_mpi_operator_may_watch_what_it_cannot_start_without() -> None:
    assert {"list", "watch"} <= {
        verb
        for group, resource, verb in rights([dict(rule) for rule in mpi.RULES])
        if (group, resource) == ("scheduling.k8s.io", "priorityclasses")
    }


def test_mpi_operator_may_resume_a_job_that_was_preempted() -> None:
    """It clears the time of start of the launcher's Job, by its status, and could not otherwise change its template."""
    assert {"api_groups": ["batch"], "resources": ["jobs/status"], "verbs": ["update"]} in mpi.RULES


def test_kuberay_has_the_rights_that_it_gives_to_an_autoscaler() -> None:
    given: list[Right] = [
        *(("", "pods", verb) for verb in ("get", "list", "watch", "patch")),
        ("", "pods/resize", "patch"),
        ("ray.io", "rayclusters", "get"),
        ("ray.io", "rayclusters", "patch"),
    ]
    assert set(given) <= rights([dict(rule) for rule in ray.rules()])


def test_charts_get_the_mirrors_images_and_no_other_chart() -> None:
    jobset, values = trainer.jobset_values(SOURCES), trainer.trainer_values(SOURCES)
    assert jobset["image"]["repository"] == "mirror.example/x/registry.k8s.io/jobset/jobset"
    assert values["image"]["repository"] == "mirror.example/x/ghcr.io/kubeflow/trainer/trainer-controller-manager"
    assert values["jobset"]["install"] is values["crds"]["enabled"] is values["dataCache"]["enabled"] is False


def test_trainer_comes_after_jobset_and_both_after_their_kinds() -> None:
    graph = deploy(lambda: trainer.Trainer("x", ARGS)).graph
    releases = {found.inputs["name"]: found for found in graph.of_kind("Release")}
    assert releases[trainer.JOBSET].inputs["skipCrds"] is True
    assert "skipCrds" not in releases[trainer.TRAINER].inputs
    before = graph.before(releases[trainer.TRAINER])
    assert releases[trainer.JOBSET].urn in before
    for release in releases.values():
        assert graph.one("Definitions", f"x-{release.inputs['name']}-definitions").urn in graph.before(release)
