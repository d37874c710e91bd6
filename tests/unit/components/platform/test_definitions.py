"""Definitions of a manifest: what is applied, and what counts as changed behind Pulumi's back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from components.aws.compute import kubeconfig
from components.platform import cluster_client, definitions
from components.platform.cluster_client import Client, read_definitions
from components.platform.definitions import fingerprint, identity

# Pickled into the state, and so private to its module.
PROVIDER = cast("Callable[[], Any]", vars(definitions)["_DefinitionsProvider"])


def definition(name: str = "queues.example.org", **spec: Any) -> dict[str, Any]:
    return {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "labels": {"app": "queues"}},
        "spec": {"group": "example.org", **spec},
    }


class FakeCluster:
    """Keeps definitions, as an API server does."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def apply_definition(self, wanted: Any) -> None:
        self.kept[wanted["metadata"]["name"]] = copy.deepcopy(wanted)

    def find_definition(self, name: str) -> Any:
        return self.kept.get(name)

    def served_definition(self, name: str) -> Any:
        return self.kept[name]

    def delete_definition(self, name: str) -> None:
        self.kept.pop(name, None)

    def await_no_definition(self, name: str) -> None:
        assert name not in self.kept


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster()
    monkeypatch.setattr(cluster_client, "connect", lambda *_: fake)
    return fake


def write(file: Path, *found: dict[str, Any]) -> str:
    file.write_text(yaml.safe_dump_all(found))
    return str(file)


def asked(*places: str) -> dict[str, Any]:
    return {
        "manifest": "queues",
        "places": list(places),
        "identity": identity(places),
        "kubeconfig": "k",
        "context": None,
    }


def changed(olds: dict[str, Any], news: dict[str, Any]) -> bool:
    return PROVIDER().diff("id", olds, news).changes


def test_what_was_applied_is_unchanged_until_somebody_edits_or_deletes_it(cluster: FakeCluster, tmp_path: Path) -> None:
    place = write(tmp_path / "m.yaml", definition("a.example.org"), definition("b.example.org"))
    made = PROVIDER().create(asked(place))
    assert sorted(cluster.kept) == ["a.example.org", "b.example.org"]
    assert not changed(made.outs, asked(place))
    assert PROVIDER().read(made.id, made.outs).outs == made.outs

    for harm in (
        lambda: cluster.kept.pop("a.example.org"),
        lambda: cluster.kept["b.example.org"]["spec"].update(group="other.org"),
        lambda: cluster.kept["b.example.org"]["metadata"].update(labels={}),
    ):
        harm()
        found = PROVIDER().read(made.id, made.outs)
        assert changed(found.outs, asked(place))
        repaired = PROVIDER().update(made.id, found.outs, asked(place))
        assert not changed(PROVIDER().read(made.id, repaired.outs).outs, asked(place))


def test_another_place_of_the_same_manifest_is_no_change(cluster: FakeCluster, tmp_path: Path) -> None:
    first, second = write(tmp_path / "1.yaml", definition()), write(tmp_path / "2.yaml", definition())
    made = PROVIDER().create(asked(first))
    assert not changed(made.outs, asked(second))
    assert changed(made.outs, asked(write(tmp_path / "2.yaml", definition(scope="Cluster"))))


def test_definitions_in_several_files_are_one_manifest(cluster: FakeCluster, tmp_path: Path) -> None:
    first, second = write(tmp_path / "1.yaml", definition("a.x")), write(tmp_path / "2.yaml", definition("b.x"))
    made = PROVIDER().create(asked(first, second))
    assert sorted(cluster.kept) == ["a.x", "b.x"]
    assert changed(made.outs, asked(first, write(tmp_path / "2.yaml", definition("b.x", scope="Cluster"))))


def test_what_a_later_manifest_lacks_goes_with_the_rest(cluster: FakeCluster, tmp_path: Path) -> None:
    made = PROVIDER().create(asked(write(tmp_path / "1.yaml", definition("a.x"), definition("b.x"))))
    later = PROVIDER().update(made.id, made.outs, asked(write(tmp_path / "2.yaml", definition("a.x"))))
    assert sorted(cluster.kept) == ["a.x", "b.x"]
    PROVIDER().delete(made.id, later.outs)
    assert cluster.kept == {}


def test_the_authority_of_a_conversion_webhook_is_its_controllers() -> None:
    def converted(authority: str | None) -> dict[str, Any]:
        client = {"service": {"name": "hook"}} | ({"caBundle": authority} if authority else {})
        return definition(conversion={"strategy": "Webhook", "webhook": {"clientConfig": client}})

    assert fingerprint(converted(None)) == fingerprint(converted("abc"))
    assert fingerprint(converted(None)) != fingerprint(definition(conversion={"strategy": "None"}))


def test_a_manifest_without_definitions_is_refused(tmp_path: Path) -> None:
    place = write(tmp_path / "m.yaml", {"kind": "ConfigMap", "metadata": {"name": "x"}})
    with pytest.raises(RuntimeError, match=r"m\.yaml holds no CustomResourceDefinition"):
        read_definitions(place)


def test_a_definition_that_is_not_served_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    condition = {"type": "NamesAccepted", "status": "False", "message": "plural is taken"}
    client = Client.__new__(Client)
    monkeypatch.setattr(client, "find_definition", lambda _: definition() | {"status": {"conditions": [condition]}})
    monkeypatch.setattr(cluster_client, "TIMEOUT_SECONDS", 0)
    with pytest.raises(RuntimeError, match=r"does not serve queues\.example\.org: plural is taken"):
        client.served_definition("queues.example.org")


def test_the_kubeconfig_of_eks_is_a_text_on_one_line() -> None:
    text = kubeconfig.render(name="eks", endpoint="https://eks.test", certificate_authority="", region="eu-west-1")
    assert "\n" not in text
    assert cluster_client.connect(text, None).api.configuration.host == "https://eks.test"
