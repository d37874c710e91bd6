"""Where charts, manifests and images come from."""

from __future__ import annotations

import pytest

from components import catalog
from components.platform.sources import Sources

CHART = "karpenter"


def test_without_a_mirror_a_chart_comes_from_its_makers() -> None:
    chart = catalog.load().chart(CHART)
    release = Sources().release(CHART)
    assert (release.chart, release.version) == (chart.chart, chart.version)


def test_a_mirror_in_a_folder_has_one_archive_for_each_chart() -> None:
    version = catalog.load().chart(CHART).version
    assert Sources(charts="/srv/mirror").release(CHART).chart == f"/srv/mirror/charts/{CHART}-{version}.tgz"


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
