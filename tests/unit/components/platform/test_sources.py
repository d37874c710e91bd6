"""Where charts, manifests and images come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import catalog
from components.platform.sources import MirrorError, Sources

CHART = "karpenter"
MANIFEST = "gateway-api"


def test_without_a_mirror_a_chart_comes_from_its_makers() -> None:
    chart = catalog.load().chart(CHART)
    release = Sources().release(CHART)
    assert (release.chart, release.version) == (chart.chart, chart.version)


def test_a_mirror_in_a_folder_has_one_archive_for_each_chart(tmp_path: Path) -> None:
    version = catalog.load().chart(CHART).version
    archive = tmp_path / "charts" / f"{CHART}-{version}.tgz"
    archive.parent.mkdir()
    archive.touch()
    assert Sources(charts=str(tmp_path)).release(CHART).chart == str(archive)


def test_a_chart_of_a_repository_is_asked_for_there() -> None:
    chart = catalog.load().chart("keda")
    release = Sources().release("keda")
    assert release.chart == "keda"
    assert release.repository_opts is not None
    assert release.repository_opts.repo == chart.repository


def test_manifests_come_from_their_makers_from_an_address_or_from_a_folder(tmp_path: Path) -> None:
    manifest = catalog.load().manifest(MANIFEST)
    file = f"{MANIFEST}-{manifest.version}.yaml"
    for folder in (tmp_path / "manifests", tmp_path / "other"):
        folder.mkdir()
        (folder / file).touch()
    assert Sources().manifest(MANIFEST) == (manifest.url,)
    assert Sources(charts="oci://registry.example.com/charts").manifest(MANIFEST) == (manifest.url,)
    assert Sources(charts=str(tmp_path)).manifest(MANIFEST) == (str(tmp_path / "manifests" / file),)
    assert Sources(manifests=str(tmp_path / "other")).manifest(MANIFEST) == (str(tmp_path / "other" / file),)
    mirrored = Sources(manifests="https://mirror.example.com/m/").manifest(MANIFEST)
    assert mirrored == (f"https://mirror.example.com/m/{file}",)


def test_a_manifest_of_several_files_is_one_file_of_a_mirror() -> None:
    manifest = catalog.load().manifest("training-operator-crds")
    assert Sources().manifest("training-operator-crds") == tuple(f"{manifest.url}/{file}" for file in manifest.files)
    (mirrored,) = Sources(manifests="https://mirror.example.com/m").manifest("training-operator-crds")
    assert mirrored == f"https://mirror.example.com/m/training-operator-crds-{manifest.version}.yaml"


def test_a_mirror_that_lacks_a_file_says_which_and_what_to_do(tmp_path: Path) -> None:
    version = catalog.load().chart(CHART).version
    with pytest.raises(MirrorError, match=rf"no .*/{CHART}-{version}\.tgz\. `make mirror ENTRIES={CHART}` makes it"):
        Sources(charts=str(tmp_path)).release(CHART)
    with pytest.raises(MirrorError, match=rf"manifests/{MANIFEST}-.*\.yaml\. `make mirror ENTRIES={MANIFEST}`"):
        Sources(charts=str(tmp_path)).manifest(MANIFEST)


def test_a_mirror_in_a_registry_has_each_chart_by_its_name() -> None:
    release = Sources(charts="oci://registry.example.com/charts/").release(CHART)
    assert release.chart == f"oci://registry.example.com/charts/{CHART}"
    assert release.version == catalog.load().chart(CHART).version


@pytest.mark.parametrize("prefix", ["registry.example.com/mirror", "registry.example.com/mirror/"])
def test_a_mirror_of_images_is_a_prefix(prefix: str) -> None:
    assert Sources(images=prefix).mirrored("quay.io/x/y:v1") == "registry.example.com/mirror/quay.io/x/y:v1"
    assert Sources().mirrored("quay.io/x/y:v1") == "quay.io/x/y:v1"


def test_an_unknown_name_says_what_is_known() -> None:
    with pytest.raises(LookupError, match=r"no chart 'kwebe' in catalog\.yaml; known: .*karpenter"):
        Sources().release("kwebe")
