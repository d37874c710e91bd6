"""What a destroy takes away from an operator that is down."""

from __future__ import annotations

from typing import Any, cast

import pytest

from components.platform.cluster_client import Client, CustomObject
from components.platform.drain import api_services_in, is_up, release, webhooks_in, without

KUEUE = "kueue.x-k8s.io"


@pytest.mark.parametrize(
    ("finalizers", "left"),
    [
        ([], []),
        (["kueue.x-k8s.io/resource-in-use"], []),
        (["visibility.kueue.x-k8s.io/x", "foregroundDeletion"], ["foregroundDeletion"]),
        (["notkueue.x-k8s.io/x"], ["notkueue.x-k8s.io/x"]),
    ],
)
def test_only_the_operators_own_finalizers_go(finalizers: list[str], left: list[str]) -> None:
    assert without(finalizers, [KUEUE]) == left


@pytest.mark.parametrize(
    ("deployments", "up"),
    [
        ([], False),
        ([{"status": {"availableReplicas": 1}}], True),
        ([{"status": {"availableReplicas": 1}}, {"status": {}}], False),
        ([{"spec": {"replicas": 0}}], False),
    ],
)
def test_an_operator_is_up_when_all_its_deployments_are(deployments: list[Any], up: bool) -> None:
    assert is_up(deployments) is up


def configuration(kind: str, name: str, *namespaces: str | None) -> dict[str, Any]:
    clients = [
        {"service": {"namespace": space, "name": "hook"}} if space else {"url": "https://x"} for space in namespaces
    ]
    return {"kind": kind, "metadata": {"name": name}, "webhooks": [{"clientConfig": client} for client in clients]}


def test_webhooks_are_found_by_the_service_that_they_call() -> None:
    configurations = [
        configuration("ValidatingWebhookConfiguration", "ours", None, "kueue-system"),
        configuration("MutatingWebhookConfiguration", "theirs", "cert-manager", None),
        {"kind": "MutatingWebhookConfiguration", "metadata": {"name": "empty"}},
    ]
    assert webhooks_in(configurations, "kueue-system") == [("ValidatingWebhookConfiguration", "ours")]


def test_api_services_are_found_by_the_service_that_answers() -> None:
    services = [
        {"metadata": {"name": "v1.apps"}, "spec": {"service": None}},
        {"metadata": {"name": "v1.ours"}, "spec": {"service": {"namespace": "kueue-system", "name": "x"}}},
        {"metadata": {"name": "v1.theirs"}, "spec": {"service": {"namespace": "kube-system", "name": "x"}}},
    ]
    assert api_services_in(services, "kueue-system") == ["v1.ours"]


class FakeCluster:
    """Remembers what it is asked to change, in order."""

    def __init__(self) -> None:
        self.changes: list[Any] = []

    def webhook_configurations(self) -> list[Any]:
        return [configuration("MutatingWebhookConfiguration", "ours", "kueue-system")]

    def delete_webhook_configuration(self, kind: str, name: str) -> None:
        self.changes.append((kind, name))

    def api_services(self) -> list[Any]:
        return [{"metadata": {"name": "v1.ours"}, "spec": {"service": {"namespace": "kueue-system"}}}]

    def delete_api_service(self, name: str) -> None:
        self.changes.append(name)

    def objects_of(self, group: str) -> list[CustomObject]:
        def made(name: str, *finalizers: str) -> CustomObject:
            return CustomObject(
                group=group, version="v1", plural="queues", namespace=None, name=name, finalizers=finalizers
            )

        return [made("held", "kueue.x-k8s.io/resource-in-use", "other/kept"), made("free")]

    def set_finalizers(self, found: CustomObject, finalizers: list[str]) -> None:
        self.changes.append((found.name, finalizers))


def test_webhooks_go_first_since_they_would_refuse_the_rest() -> None:
    cluster = FakeCluster()
    released = release(cast("Client", cluster), "kueue-system", [KUEUE])
    assert cluster.changes == [("MutatingWebhookConfiguration", "ours"), "v1.ours", ("held", ["other/kept"])]
    assert released.objects == ["queues/held"]
