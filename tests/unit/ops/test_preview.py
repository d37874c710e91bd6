"""Recorded previews of both forms, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops.preview.reading import read, read_all
from ops.preview.record import PreviewError, stack_of, type_of
from ops.preview.values import SECRET, blind

PREVIEWS = Path(__file__).parent / "previews"
URN = "urn:pulumi:dev::ml-platform::mlplatform:tenancy:Team$kubernetes:core/v1:Namespace::demo"


def digest(tmp_path: Path, *steps: dict[str, Any], **keys: Any) -> Path:
    path = tmp_path / "dev.json"
    path.write_text(json.dumps({"steps": steps, **keys}))
    return path


def step(op: str, urn: str = URN, **keys: Any) -> dict[str, Any]:
    old = {"urn": urn, "inputs": {"size": 1}, "protect": True}
    new = {"urn": urn, "inputs": {"size": 2}}
    states = {"create": {"newState": new}, "delete": {"oldState": old}, "delete-replaced": {"oldState": old}}
    return {"op": op, "urn": urn, "detailedDiff": None, **states.get(op, {"oldState": old, "newState": new}), **keys}


def test_urns_tell_stack_and_type() -> None:
    assert stack_of(URN) == "dev"
    assert type_of(URN) == "kubernetes:core/v1:Namespace"
    assert type_of("garbage") == ""


def test_a_real_digest() -> None:
    preview = read(PREVIEWS / "dev.json")
    assert preview.stack == "dev"
    assert preview.counts["create"] == preview.summary["create"] == 21
    assert not preview.judged
    assert preview.complete
    assert preview.failure is None


def test_real_events_of_a_refused_preview() -> None:
    preview = read(PREVIEWS / "refused.json")
    (violation,) = preview.violations
    assert (violation.policy, violation.mandatory) == ("namespace-has-quota", True)
    assert violation.message.startswith("Namespace demo: no ResourceQuota. Give the team a quota")
    assert preview.judged
    assert preview.counts["create"] == 20


def test_real_events_of_a_failed_program() -> None:
    preview = read(PREVIEWS / "failed.json")
    assert preview.failure == "LookupError: the API server gave the Service no address"
    assert preview.judged
    assert preview.violations == ()


@pytest.mark.parametrize(
    ("ops", "change"),
    [
        (["create"], "create"),
        (["same"], "same"),
        (["update"], "update"),
        (["delete"], "delete"),
        (["create-replacement", "replace", "delete-replaced"], "replace"),
        (["delete-replaced", "replace", "create-replacement"], "replace"),
        (["import"], "import"),
    ],
)
def test_steps_of_one_resource_become_one_change(tmp_path: Path, ops: list[str], change: str) -> None:
    (resource,) = read(digest(tmp_path, *map(step, ops))).resources
    assert resource.change == change
    assert (resource.before is None) == (change == "create")
    assert (resource.after is None) == (change == "delete")


@pytest.mark.parametrize("op", ["read", "refresh", "discard", "something-new"])
def test_operations_that_change_nothing_are_left_out(tmp_path: Path, op: str) -> None:
    assert read(digest(tmp_path, step(op))).resources == ()


def events(tmp_path: Path, *found: dict[str, Any]) -> Path:
    path = tmp_path / "dev.events.json"
    lines = [json.dumps({"sequence": number, "timestamp": number, **event}) for number, event in enumerate(found)]
    path.write_text("\n".join(lines))
    return path


def pre_event(op: str, **keys: Any) -> dict[str, Any]:
    return {"resourcePreEvent": {"metadata": {"op": op, "urn": URN, "old": {"inputs": {"size": 1}}, **keys}}}


def test_events_of_a_newer_engine_are_read_or_refused_but_never_half_read(tmp_path: Path) -> None:
    unknown = [{"newEvent": {}}, {"preludeEvent": {"config": {}, "added": 1}}, pre_event("something-new")]
    update = pre_event("update", detailedDiff={"size": {"diffKind": "update"}})
    (resource,) = read(events(tmp_path, *unknown, update)).resources
    assert (resource.change, resource.paths) == ("update", ("size",))
    with pytest.raises(PreviewError, match=r"dev\.events\.json: cannot be read \('turned' is not a valid DiffKind\)"):
        read(events(tmp_path, pre_event("update", detailedDiff={"size": {"diffKind": "turned"}})))


def test_unchanged_resources_that_are_not_listed_make_a_record_incomplete(tmp_path: Path) -> None:
    preview = read(digest(tmp_path, step("update"), changeSummary={"update": 1, "same": 40}))
    assert not preview.complete
    assert preview.counts["same"] == 40


def test_secrets_and_unknowns_do_not_come_through() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "abc"}
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    value = {"a": [secret, unknown], "__defaults": [], "b": {"c": secret}}
    assert blind(value) == {"a": [SECRET, None], "b": {"c": SECRET}}


def test_two_records_of_a_stack_are_put_together(tmp_path: Path) -> None:
    violation = {"policyName": "p", "enforcementLevel": "advisory", "message": "About.\nWrong.", "resourceUrn": URN}
    (preview,) = read_all([digest(tmp_path, step("create")), events(tmp_path, {"policyEvent": violation})])
    assert len(preview.resources) == 1
    assert [found.message for found in preview.violations] == ["Wrong."]
    assert preview.judged


@pytest.mark.parametrize("text", ["", "not json", "[]", "{}", '{"a": 1}', '{"sequence": 1}\nbroken'])
def test_a_file_that_is_no_preview_is_named_with_the_remedy(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(PreviewError, match=r"x\.json: is no recorded preview; record one with: pulumi preview --json"):
        read(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PreviewError, match=r"gone\.json: cannot be read"):
        read(tmp_path / "gone.json")
