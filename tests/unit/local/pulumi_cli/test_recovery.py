"""What becomes of each kind of operation that a killed update leaves pending."""

from __future__ import annotations

from typing import Any

import pytest

from local.pulumi_cli.recovery import INTERRUPTED, Recovery, Release, recover

PREFIX = "urn:pulumi:dev::ml-platform::"
PROVIDER = f"{PREFIX}pulumi:providers:kubernetes::provider"
JOB = f"{PREFIX}kubernetes:batch/v1:Job::train"
RELEASE = f"{PREFIX}kubernetes:helm.sh/v3:Release::kueue"


def resource(urn: str, **more: Any) -> dict[str, Any]:
    return {"urn": urn, "custom": True, "type": urn.split("::")[2], **more}


def job(name: str = "train-v1", **more: Any) -> dict[str, Any]:
    """A Job as a pending operation has it: with inputs, and neither an ID nor outputs."""
    metadata = {"namespace": "demo", "name": name, "labels": {"app.kubernetes.io/name": "train"}}
    inputs = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"parallelism": 1}}
    return resource(JOB, inputs=inputs, provider=f"{PROVIDER}::1234", parent=f"{PREFIX}pulumi:pulumi:Stack::s", **more)


def live(*managers: str, name: str = "train-v1", label: str = "train") -> dict[str, Any]:
    """The Job as the cluster has it. The job controller writes its status with updates, not by apply."""
    entries = [{"manager": manager, "operation": "Apply"} for manager in managers]
    entries.append({"manager": "kube-controller-manager", "operation": "Update"})
    labels = {"app.kubernetes.io/name": label, "job-name": name}
    return {"metadata": {"namespace": "demo", "name": name, "labels": labels, "managedFields": entries}}


BEFORE = [resource(f"{PREFIX}pulumi:pulumi:Stack::s", custom=False), resource(PROVIDER, id="1234")]


def settled(operation: str, pending: dict[str, Any], *resources: Any, found: Any = None) -> Recovery:
    deployment = {
        "manifest": {"version": "v3"},
        "resources": [*BEFORE, *resources],
        "pending_operations": [{"type": operation, "resource": pending}],
    }
    return recover(deployment, lambda wanted: found)


def test_a_state_without_pending_operations_stays_as_it_is() -> None:
    for deployment in ({}, {"resources": BEFORE}, {"resources": None, "pending_operations": None}):
        result = recover(deployment, lambda wanted: pytest.fail("nothing is to be looked up"))
        assert result.deployment["resources"] == (deployment.get("resources") or [])
        assert [*result.adopted, *result.forgotten, *result.repeated, *result.unknown] == []


def test_an_object_that_was_made_is_adopted_with_its_field_manager() -> None:
    result = settled("creating", job(), found=live("pulumi-kubernetes-1a2b"))
    assert (result.adopted, result.forgotten, result.unknown) == ([JOB], [], [])
    *rest, made = result.deployment["resources"]
    assert rest == BEFORE
    assert made["id"] == "demo/train-v1"
    assert made["inputs"] == job()["inputs"]
    assert made["outputs"]["__fieldManager"] == "pulumi-kubernetes-1a2b"
    assert made["outputs"]["__initialApiVersion"] == "batch/v1"
    assert made["outputs"]["spec"] == {"parallelism": 1}
    # The engine then applies it again, and waits for it.
    assert made["initErrors"] == [INTERRUPTED]
    assert result.deployment["pending_operations"] == []
    assert result.deployment["manifest"] == {"version": "v3"}


def test_values_of_secrets_stay_encrypted() -> None:
    pending = job()
    pending["inputs"]["data"] = {"token": {"4dabf18193072939515e22adb298388d": "1b47", "ciphertext": "v1:x"}}
    found = live("pulumi-kubernetes-1a2b") | {"data": {"token": "Y2xlYXI="}}
    made = settled("creating", pending, found=found).deployment["resources"][-1]
    assert "Y2xlYXI=" not in str(made)


@pytest.mark.parametrize(
    "found",
    [
        None,
        live(),
        live("kubectl-client-side-apply"),
        live("pulumi-kubernetes-1a2b", label="of-somebody-else"),
        live("pulumi-kubernetes-1a2b", "pulumi-kubernetes-3c4d"),
    ],
    ids=["nothing", "made by no apply", "made by kubectl", "another object", "made twice"],
)
def test_what_the_creation_did_not_make_is_forgotten(found: Any) -> None:
    result = settled("creating", job(), found=found)
    assert (result.adopted, result.forgotten) == ([], [JOB])
    assert result.deployment["resources"] == BEFORE


def test_what_a_later_update_has_recorded_is_forgotten_and_not_looked_up() -> None:
    recorded = {**job(), "id": "demo/train-v1", "outputs": {}}
    deployment = {"resources": [*BEFORE, recorded], "pending_operations": [{"type": "creating", "resource": job()}]}
    result = recover(deployment, lambda wanted: pytest.fail("it is in the state"))
    assert result.forgotten == [JOB]
    assert result.deployment["resources"] == [*BEFORE, recorded]


def test_a_replacement_is_adopted_and_what_it_replaces_is_deleted_by_the_next_update() -> None:
    old = {**job("train-v0"), "id": "demo/train-v0", "outputs": {}}
    dependent = resource(f"{PREFIX}kubernetes:core/v1:Service::server", id="demo/server", dependencies=[JOB])
    result = settled("creating", job(), old, dependent, found=live("pulumi-kubernetes-1a2b"))
    new, replaced, after = result.deployment["resources"][len(BEFORE) :]
    assert (new["id"], replaced["id"], after) == ("demo/train-v1", "demo/train-v0", dependent)
    assert replaced["delete"] is True
    assert "delete" not in new


def test_a_replacement_whose_place_is_before_what_it_needs_is_left_to_the_next_update() -> None:
    old = {**job("train-v0"), "id": "demo/train-v0", "outputs": {}}
    needed = resource(f"{PREFIX}kubernetes:core/v1:ConfigMap::recipe", id="demo/recipe")
    pending = job(dependencies=[needed["urn"]])
    result = settled("creating", pending, old, needed, found=live("pulumi-kubernetes-1a2b"))
    assert result.forgotten == [JOB]
    assert result.deployment["resources"] == [*BEFORE, old, needed]


def test_an_interrupted_change_is_made_again() -> None:
    recorded = {**job(), "id": "demo/train-v1", "outputs": {"a": 1}}
    result = settled("updating", job(), recorded)
    assert result.repeated == [JOB]
    assert result.deployment["resources"][-1] == {**recorded, "initErrors": [INTERRUPTED]}


@pytest.mark.parametrize("operation", ["deleting", "reading", "importing"])
def test_other_operations_leave_the_state_as_it_is(operation: str) -> None:
    """What was being deleted is still in the state: the next update deletes it."""
    recorded = {**job(), "id": "demo/train-v1", "outputs": {"a": 1}}
    result = settled(operation, recorded, recorded)
    assert result.forgotten == [JOB]
    assert result.deployment["resources"] == [*BEFORE, recorded]


@pytest.mark.parametrize("kind", ["pulumi:providers:kubernetes", "pulumi-python:dynamic/platform:Definitions"])
def test_what_does_no_harm_twice_is_created_again(kind: str) -> None:
    pending = resource(f"{PREFIX}{kind}::x", inputs={"manifest": "kueue"})
    assert settled("creating", pending).forgotten == [pending["urn"]]


@pytest.mark.parametrize(
    "pending",
    [
        resource(f"{PREFIX}aws:s3/bucket:Bucket::models", inputs={"bucket": "models"}),
        resource(f"{PREFIX}kubernetes:core/v1:Pod::x", inputs={"metadata": {"generateName": "x-"}}),
    ],
    ids=["of another provider", "without a name"],
)
def test_of_a_creation_that_cannot_be_looked_up_nothing_is_said(pending: dict[str, Any]) -> None:
    assert settled("creating", pending).unknown == [pending["urn"]]


@pytest.mark.parametrize(("operation", "recorded"), [("creating", False), ("creating", True), ("updating", True)])
def test_helms_records_of_an_interrupted_release_are_in_the_way(operation: str, recorded: bool) -> None:
    pending = resource(RELEASE, inputs={"name": "kueue", "namespace": "kueue-system"})
    before = [{**pending, "id": "kueue-system/kueue"}] if recorded else []
    result = settled(operation, pending, *before)
    assert result.releases == [Release(namespace="kueue-system", name="kueue", installed=recorded)]
    assert not result.unknown
