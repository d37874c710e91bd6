"""The versions that the catalog holds for EKS."""

from __future__ import annotations

import re
from pathlib import Path

import pydantic
import pytest

from components import catalog
from components.aws.compute import addons

ROOT = Path(__file__).parents[3]
ADDON_VERSION = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")


@pytest.mark.parametrize("version", sorted(catalog.load().eks.kubernetes))
def test_every_kubernetes_version_has_every_addon(version: str) -> None:
    known = catalog.load().eks.kubernetes[version].addons
    assert set(known) == set(addons.ALL)
    assert all(ADDON_VERSION.fullmatch(found) for found in known.values())
    # kube-proxy is Kubernetes' own: its minor version is the cluster's.
    assert known["kube-proxy"].startswith(f"v{version}.")


def test_lookups_name_what_is_known() -> None:
    eks = catalog.load().eks
    assert eks.addon_version("vpc-cni", "1.35") == eks.kubernetes["1.35"].addons["vpc-cni"]
    with pytest.raises(LookupError, match=r"'1\.20' has no entry .* known: 1\.34"):
        eks.addon_version("vpc-cni", "1.20")
    with pytest.raises(LookupError, match=r"'cilium' has no version for Kubernetes 1\.35 .*coredns"):
        eks.addon_version("cilium", "1.35")
    with pytest.raises(LookupError, match=r"no chart 'karpentr' .*karpenter"):
        catalog.load().chart("karpentr")


def test_a_catalog_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    text = catalog.PATH.read_text().replace("  recorded:", "  surprise: 1\n  recorded:")
    changed = tmp_path / "catalog.yaml"
    changed.write_text(text)
    with pytest.raises(pydantic.ValidationError, match="surprise"):
        catalog.load(changed)


def test_no_version_of_an_addon_or_chart_is_spelled_elsewhere() -> None:
    charts = {chart.version for chart in catalog.load().charts.values()}
    for path in (*(ROOT / "components").rglob("*.py"), *(ROOT / "stacks").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"eksbuild", text), path.name
        assert not [version for version in charts if f'"{version}"' in text], path.name
