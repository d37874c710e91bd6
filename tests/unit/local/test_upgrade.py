"""What an upgrade report says, on small charts and manifests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from components import catalog
from local import upgrade
from local.upgrade import Definition, Release, changes, definitions, flat, images, read_manifest, report


def crd(name: str, **versions: tuple[bool, bool]) -> dict[str, Any]:
    """A CustomResourceDefinition; for each version whether it is served and whether it is stored."""
    listed = [{"name": key, "served": served, "storage": stored} for key, (served, stored) in versions.items()]
    return {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {"versions": [{**one, "schema": {"image": "not/an-image:1", "name": "x"}} for one in listed]},
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {}),
        ({"a": 1, "b": {"c": [1, 2], "d": {}}}, {"a": 1, "b.c": [1, 2], "b.d": {}}),
        ({"a": {"b": {"c": None}}}, {"a.b.c": None}),
    ],
)
def test_values_by_dotted_keys(values: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert dict(flat(values)) == expected


def test_definitions_know_what_is_served_and_what_is_stored() -> None:
    found = definitions(
        [crd("a.example", v1alpha1=(False, False), v1beta1=(True, False), v1=(True, True)), {"kind": "X"}]
    )
    assert found == {"a.example": Definition(served=frozenset({"v1beta1", "v1"}), stored="v1")}


def test_images_of_containers_wherever_they_are_but_not_of_schemas() -> None:
    pod = {
        "spec": {"containers": [{"name": "a", "image": "x/a:1"}], "initContainers": [{"name": "b", "image": "x/b:1"}]}
    }
    objects = [
        {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": pod}}}},
        crd("a.example", v1=(True, True)),
    ]
    assert set(images(objects)) == {"x/a:1", "x/b:1"}


def values(**found: Any) -> Release:
    return Release(values=found)


def served(*versions: str, stored: str) -> Release:
    return Release(definitions={"a.example": Definition(served=frozenset(versions), stored=stored)})


@pytest.mark.parametrize(
    ("old", "new", "what", "expected"),
    [
        (values(a=1, b=2), values(a=1, b=2), "values", []),
        (values(a=1), values(b=2), "values", ["- a: 1", "+ b: 2"]),
        (values(a=1), values(a="1"), "values", ["~ a: 1 -> '1'"]),
        (values(a=[1]), values(a=[1, 2]), "values", ["~ a: [1] -> [1, 2]"]),
        (values(a=True), values(a=None), "values", ["~ a: true -> null"]),
        (Release(), served("v1", stored="v1"), "definitions", ["+ a.example"]),
        (served("v1", stored="v1"), Release(), "definitions", ["- a.example"]),
        (served("v1", stored="v1"), served("v1", stored="v1"), "definitions", []),
        (
            served("v1beta1", "v1", stored="v1beta1"),
            served("v1", "v2", stored="v1"),
            "definitions",
            [
                "! a.example: v1beta1 is served no longer; move every object and manifest to v1 first",
                "~ a.example: v2 is served too",
                "~ a.example: stored as v1, was v1beta1; write every object once after the upgrade",
            ],
        ),
        (
            Release(images=frozenset({"x/a:1", "x/b:1"})),
            Release(images=frozenset({"x/a:2", "x/b:1"})),
            "images",
            ["- x/a:1", "+ x/a:2"],
        ),
    ],
)
def test_changes(old: Release, new: Release, what: str, expected: list[str]) -> None:
    assert changes(old, new)[what] == expected


def test_the_report_has_a_part_for_each_kind_of_change() -> None:
    found = changes(values(a=1), values(a=2))
    assert report("x", "1.0.0", "1.1.0", found).splitlines() == [
        "x 1.0.0 -> 1.1.0",
        "",
        "values: 1 change",
        "  ~ a: 1 -> 2",
        "",
        "definitions: no changes",
        "",
        "images: no changes",
    ]


def test_long_values_are_cut() -> None:
    assert len(upgrade.shown("x" * 500)) == 80


def test_manifests_are_read_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "kind: Deployment\nspec: {template: {spec: {containers: [{name: a, image: 'x/a:1'}]}}}\n"
        "---\nkind: List\nitems: []\n"
    )
    assert read_manifest(tmp_path).images == {"x/a:1"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("kwebe", "the catalog has no chart or manifest 'kwebe'; it has "),
        ("loki", f"no Go module holds the files of loki, so its version {catalog.load().chart('loki').version} cannot"),
        ("prometheus", "the catalog has no chart or manifest 'prometheus'"),
    ],
)
def test_what_cannot_be_compared_is_said(name: str, message: str) -> None:
    done = CliRunner().invoke(upgrade.main, [name, "9.9.9"])
    assert done.exit_code == upgrade.FAILED
    assert message in done.stderr
