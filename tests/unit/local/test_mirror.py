"""The local mirror: what can be had here, and that it holds the versions that the catalog says."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import catalog
from local.errors import Failure
from local.mirror import entries, module_files
from local.mirror.recipes import RECIPES

KNOWN = catalog.load()
MIRRORED = entries.available(KNOWN.names())


def test_the_operators_of_the_embedded_cluster_can_be_had() -> None:
    assert {"kueue", "prometheus-operator", "prometheus", "external-secrets", "versitygw"} <= set(MIRRORED)
    assert {"gateway-api", "prometheus-operator-crds"} <= set(MIRRORED)


@pytest.mark.parametrize("image", entries.images_of(MIRRORED), ids=lambda image: image.published)
def test_the_toolchain_builds_the_version_of_each_image(image: entries.MirrorImage) -> None:
    recipe = entries.recipe_for(image.published)
    assert set(recipe.programs) <= set(recipe.tool.programs)
    assert all(path.startswith("/") for path in recipe.programs.values())


def test_every_recipe_is_of_use() -> None:
    published = {image.published.rpartition(":")[0] for image in entries.images_of(MIRRORED)}
    assert set(RECIPES) == published


def test_another_version_in_the_catalog_is_no_reason_to_build_the_old_one() -> None:
    with pytest.raises(Failure, match=r"catalog has .*/kueue:v9\.9\.9, but the tool of its recipe .* is v\d"):
        entries.recipe_for("registry.k8s.io/kueue/kueue:v9.9.9")


def test_archives_have_names_of_their_own() -> None:
    archives = [image.archive.name for image in entries.images_of(KNOWN.names())]
    assert len(archives) == len(set(archives))
    assert all(re.fullmatch(r"[\w.-]+\.tar", name) for name in archives)


def test_unknown_and_unavailable_entries_are_refused_with_a_reason() -> None:
    with pytest.raises(Failure, match=r"the catalog has no kwebe; catalog\.yaml has .*kueue"):
        entries.selected(["kwebe", "kueue"], KNOWN)
    with pytest.raises(Failure, match="loki cannot be mirrored on this machine: no Go module holds its files"):
        entries.selected(["loki"], KNOWN)
    with pytest.raises(Failure, match="no program for nvcr"):
        entries.selected(["nvidia-device-plugin"], KNOWN)
    assert entries.selected((), KNOWN) == MIRRORED


# -- files of modules ------------------------------------------------------------------------------------------


def chart_folder(folder: Path, *, dependency: dict[str, Any] | None, values: dict[str, Any]) -> Path:
    source = folder / "source"
    (source / "templates").mkdir(parents=True)
    chart: dict[str, Any] = {"apiVersion": "v2", "name": "x", "version": "1.2.2", "appVersion": "v1.2.2"}
    chart |= {"dependencies": [dependency]} if dependency else {}
    (source / "Chart.yaml").write_text(yaml.safe_dump(chart))
    (source / "Chart.lock").write_text("digest: x\n")
    (source / "values.yaml").write_text(yaml.safe_dump(values))
    (source / "templates" / "a.yaml").write_text("kind: ConfigMap\n")
    return source


def packaged(archive: Path) -> dict[str, Any]:
    """What the archive's Chart.yaml says."""
    with tarfile.open(archive) as opened:
        member = opened.extractfile("x/Chart.yaml")
        assert member is not None
        return yaml.safe_load(member.read())


def test_a_packaged_chart_says_the_version_of_the_catalog(tmp_path: Path) -> None:
    dependency = {"name": "y", "version": "1", "condition": "y.enabled"}
    source = chart_folder(tmp_path, dependency=dependency, values={"y": {"enabled": False}})
    target = tmp_path / "x.tgz"
    module_files.package_chart(source, target, "x", "1.2.3")
    with tarfile.open(target) as archive:
        assert sorted(archive.getnames()) == ["x/Chart.yaml", "x/templates/a.yaml", "x/values.yaml"]
    assert packaged(target) == {"apiVersion": "v2", "name": "x", "version": "1.2.3", "appVersion": "v1.2.3"}


@pytest.mark.parametrize("values", [{}, {"y": {"enabled": True}}, {"y": True}])
def test_a_chart_whose_dependency_is_missing_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    source = chart_folder(tmp_path, dependency={"name": "y", "condition": "y.enabled"}, values=values)
    with pytest.raises(Failure, match="needs the chart y, which its module does not hold"):
        module_files.package_chart(source, tmp_path / "x.tgz", "x", "1.2.3")


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("y.install", {"y": {"install": False}}),
        ("a.on, y.install", {"y": {"install": False}}),
        ("a.on,y.install", {"a": {"on": False}, "y": {"install": True}}),
    ],
)
def test_the_first_condition_that_has_a_value_turns_a_dependency_off(
    tmp_path: Path, condition: str, values: dict[str, Any]
) -> None:
    source = chart_folder(tmp_path, dependency={"name": "y", "condition": condition}, values=values)
    module_files.package_chart(source, tmp_path / "x.tgz", "x", "1.2.3")
    assert "dependencies" not in packaged(tmp_path / "x.tgz")


def test_a_dependency_that_our_values_turn_off_is_left_out(tmp_path: Path) -> None:
    source = chart_folder(tmp_path, dependency={"name": "y", "condition": "y.on"}, values={"y": {"on": True}})
    module_files.package_chart(source, tmp_path / "x.tgz", "x", "1.2.3", ("y",))
    assert "dependencies" not in packaged(tmp_path / "x.tgz")
    with pytest.raises(Failure, match=r"does not depend on z; correct `module\.without` of x"):
        module_files.package_chart(source, tmp_path / "x.tgz", "x", "1.2.3", ("y", "z"))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("templates/crds/README.md", True),
        ("templates/README.md", False),
        ("ci/values.yaml", True),
        ("templates/tests/a.yaml", True),
        ("templates/a.yaml~", True),
        ("templates/a.yaml", False),
        ("Chart.yaml", False),
    ],
)
def test_what_a_chart_ignores(file: str, expected: bool) -> None:
    patterns = ["# a comment", "", "*~", "ci/", "tests/", "templates/crds/README.md"]
    assert module_files.ignored(Path(file), patterns) is expected


def test_a_dependency_that_is_there_stays(tmp_path: Path) -> None:
    source = chart_folder(tmp_path, dependency={"name": "y", "version": "1"}, values={})
    (source / "charts" / "y").mkdir(parents=True)
    (source / "charts" / "y" / "Chart.yaml").write_text("name: y\n")
    module_files.package_chart(source, tmp_path / "x.tgz", "x", "1.2.3")
    assert packaged(tmp_path / "x.tgz")["dependencies"] == [{"name": "y", "version": "1"}]


def test_manifests_are_joined_without_the_descriptions_of_schemas(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    (tmp_path / "b.yaml").write_text("kind: B\n")
    (tmp_path / "a.yaml").write_text(
        "---\nkind: A\ndescription: a text\nproperties:\n  description: {type: string, enum: [=, '!=']}\n"
    )
    target = tmp_path / "joined"
    module_files.join_manifests(tmp_path, target, descriptions=True)
    assert target.read_text().count("a text") == 1
    module_files.join_manifests(tmp_path, target, descriptions=False)
    module_files.join_manifests(tmp_path, tmp_path / "b only", descriptions=True, files=("b.yaml",))
    assert (tmp_path / "b only").read_text() == "kind: B\n"
    with pytest.raises(Failure, match=r"has no c\.yaml; correct `files`"):
        module_files.join_manifests(tmp_path, tmp_path / "c", descriptions=True, files=("c.yaml",))
    schema = {"kind": "A", "properties": {"description": {"type": "string", "enum": ["=", "!="]}}}
    assert list(yaml.safe_load_all(target.read_text())) == [schema, {"kind": "B"}]
