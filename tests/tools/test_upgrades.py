"""The upgrade report on real versions from the module proxy, rendered by the real Helm."""

from __future__ import annotations

import re

import pytest

from components import catalog
from local import upgrade
from local.errors import Failure
from local.toolchain import building
from local.toolchain.go import known_go
from local.toolchain.tools import PULUMI_PROVIDER


def real_report(name: str, version: str) -> str:
    """The report on two versions from the module proxy; a test is skipped where the proxy does not answer."""
    if known_go() is None:
        pytest.skip("no Go on this machine: `make mirror` gets one")
    try:
        return upgrade.compare(name, version, None)
    except Failure as failure:
        if re.search(r"dial tcp|no such host|i/o timeout|not available|connection refused", failure.what):
            pytest.skip(f"the module proxy does not have it: {failure.what}")
        raise


def test_two_real_versions_of_a_set_of_definitions() -> None:
    lines = real_report("gateway-api", "v1.4.0").splitlines()
    assert lines[0].startswith("gateway-api v1.6")
    assert any(line.strip().startswith("- ") and line.endswith(".gateway.networking.k8s.io") for line in lines)


@pytest.mark.proves("reviews", "what an upgrade of a chart changes")
def test_two_real_versions_of_a_chart() -> None:
    if building.built(PULUMI_PROVIDER) is None:
        pytest.skip("Pulumi's provider, which renders charts, is not built: `make up` builds it")
    lines = real_report("kueue", "v0.18.2").splitlines()
    assert lines[0] == f"kueue {catalog.load().chart('kueue').version} -> v0.18.2"
    assert any("controllerManager.manager.image.tag" in line for line in lines)
    assert "images: 2 changes" in lines
