"""Every namespace of the platform is in one list, from which teams cannot take one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from components.namespaces import RESERVED
from stacks.teams.types import check_namespace

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r'^\w*NAMESPACE = "([\w-]+)"|\bnamespace="([\w-]+)",', re.MULTILINE)


def test_no_module_names_a_namespace_of_its_own() -> None:
    found = {
        (str(path.relative_to(ROOT)), name)
        for folder in ("components", "stacks")
        for path in (ROOT / folder).rglob("*.py")
        for match in NAMED.findall(path.read_text())
        if not (name := "".join(match)).startswith("kube-") and name != "default"
    }
    assert found == set()


@pytest.mark.parametrize("namespace", ["kueue-system", "gpu-dra-driver", "kuberay-system", "kubeflow-trainer"])
def test_a_team_cannot_take_a_namespace_of_the_platform(namespace: str) -> None:
    assert namespace in RESERVED
    with pytest.raises(ValueError, match="is reserved"):
        check_namespace(namespace)
