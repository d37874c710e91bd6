"""What Helm made: how it is read, what counts as changed behind Helm's back, and how it is repaired."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
import yaml

from components.platform import cluster_client, upkeep

# Pickled into the state, and so private to its module.
PROVIDER = cast("Callable[[], Any]", vars(upkeep)["_UpkeepProvider"])
ASKED = {"release": "queues", "namespace": "queues-system", "kubeconfig": "k", "context": None}


def made(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": {"app": "queues"}}, **more}


MANAGER = made("Deployment", "manager", spec={"replicas": 1})
HOOK = made("ValidatingWebhookConfiguration", "hook", webhooks=[{"name": "a", "clientConfig": {"caBundle": "Cg=="}}])


def record(*objects: Mapping[str, Any]) -> str:
    """As Helm keeps it, and the API gives it."""
    document = json.dumps({"name": "queues", "manifest": yaml.safe_dump_all(objects)}).encode()
    return base64.b64encode(base64.b64encode(gzip.compress(document))).decode()


class FakeCluster:
    """Merges what is applied into what is there, as an API server does, and counts generations."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.release: str | None = record(*objects)
        self.kept: dict[tuple[str, str], Any] = {}
        self.refused: set[str] = set()
        self.available = True
        for one in objects:
            self.apply(one, "queues-system")

    def helm_release(self, namespace: str, name: str) -> str | None:
        assert (namespace, name) == ("queues-system", "queues")
        return self.release

    def find(self, wanted: Any, _namespace: str) -> Any:
        return copy.deepcopy(self.kept.get((wanted["kind"], wanted["metadata"]["name"])))

    def preview(self, wanted: Any, namespace: str) -> Any:
        if wanted["metadata"]["name"] in self.refused:
            return None
        merged = merge(self.find(wanted, namespace) or {}, wanted)
        merged["metadata"] |= {"generation": 7, "resourceVersion": "8", "managedFields": [{"manager": "us"}]}
        return merged

    def apply(self, wanted: Any, namespace: str) -> None:
        self.kept[wanted["kind"], wanted["metadata"]["name"]] = self.preview(wanted, namespace)

    def deployments(self, _namespace: str) -> list[Any]:
        status = {"availableReplicas": 1} if self.available else {}
        return [{**one, "status": status} for (kind, _), one in self.kept.items() if kind == "Deployment"]


def merge(one: Any, other: Any) -> Any:
    """Items of lists belong together by their place: here the names are in order."""
    if isinstance(other, list):
        items = cast("list[Any]", other)
        return [merge(old, new) for old, new in zip(one or [{}] * len(items), items, strict=True)]
    if not isinstance(other, Mapping):
        return other
    entries = cast("Mapping[str, Any]", other)
    return {**one, **{key: merge(one.get(key, {}), value) for key, value in entries.items()}}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster(MANAGER, HOOK)
    monkeypatch.setattr(cluster_client, "connect", lambda *_: fake)
    return fake


def changed(olds: Mapping[str, Any], news: Mapping[str, Any] = ASKED) -> bool:
    return PROVIDER().diff("id", olds, news).changes


def refreshed(outs: Mapping[str, Any]) -> Any:
    return PROVIDER().read("id", outs).outs


def test_a_release_that_nobody_touched_is_unchanged(cluster: FakeCluster) -> None:
    outs = PROVIDER().create(ASKED).outs
    assert not changed(outs)
    assert refreshed(outs) == outs
    assert changed(outs, {**ASKED, "kubeconfig": "another"})


def _delete(cluster: FakeCluster) -> None:
    del cluster.kept["Deployment", "manager"]


def _edit(cluster: FakeCluster) -> None:
    cluster.kept["Deployment", "manager"]["spec"]["replicas"] = 0


def _relabel(cluster: FakeCluster) -> None:
    cluster.kept["Deployment", "manager"]["metadata"]["labels"] = {}


@pytest.mark.parametrize("harm", [_delete, _edit, _relabel])
def test_what_was_deleted_edited_or_relabelled_is_repaired(
    cluster: FakeCluster, harm: Callable[[FakeCluster], None]
) -> None:
    outs = PROVIDER().create(ASKED).outs
    harm(cluster)
    found = refreshed(outs)
    assert found["drifted"] == ["Deployment manager"]
    assert changed(found)
    repaired = PROVIDER().update("id", found, ASKED).outs
    assert not changed(repaired)
    assert refreshed(repaired) == repaired
    assert cluster.kept["Deployment", "manager"]["spec"] == {"replicas": 1}


def test_what_controllers_and_others_add_is_left_alone(cluster: FakeCluster) -> None:
    cluster.kept["ValidatingWebhookConfiguration", "hook"]["webhooks"] = [{"name": "a", "clientConfig": {}}]
    cluster.kept["Deployment", "manager"]["metadata"]["annotations"] = {"somebody": "else"}
    cluster.kept["Deployment", "manager"]["status"] = {"availableReplicas": 1}
    assert refreshed(PROVIDER().create(ASKED).outs)["drifted"] == []


def test_authorities_of_webhooks_are_not_wanted() -> None:
    (hook,) = upkeep.recorded(record(HOOK))
    assert hook["webhooks"] == [{"name": "a", "clientConfig": {}}]


def test_keys_of_a_secret_that_a_chart_leaves_empty_are_the_controllers_to_fill() -> None:
    filled = made("Secret", "mixed", data={"tls.crt": "", "token": "dG9rZW4="})
    assert upkeep.recorded(record(made("Secret", "empty", data={"tls.crt": "", "tls.key": ""}), filled)) == [
        made("Secret", "empty"),
        made("Secret", "mixed", data={"token": "dG9rZW4="}),
    ]


def test_what_ends_by_itself_is_not_brought_back() -> None:
    assert upkeep.recorded(record(made("Job", "migrate"), made("Pod", "test"), MANAGER)) == [MANAGER]


def test_a_release_that_is_gone_is_left_to_helm(cluster: FakeCluster) -> None:
    cluster.release = None
    assert refreshed(PROVIDER().create(ASKED).outs)["drifted"] == []


def test_what_the_api_server_refuses_to_compare_is_named(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(upkeep.pulumi.log, "warn", said.append)
    cluster.refused.add("hook")
    assert refreshed(PROVIDER().create(ASKED).outs)["drifted"] == []
    assert said == [
        "ValidatingWebhookConfiguration hook of queues-system is not looked after: the API server refuses to compare it"
    ]


def test_a_controller_that_does_not_come_back_is_an_error(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "PATIENCE_SECONDS", 0)
    found = {**PROVIDER().create(ASKED).outs, "drifted": ["Deployment manager"]}
    _delete(cluster)
    cluster.available = False
    with pytest.raises(
        RuntimeError, match=r"Deployments manager in queues-system were repaired, but are not available"
    ):
        PROVIDER().update("id", found, ASKED)
