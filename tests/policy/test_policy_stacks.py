"""The stacks of this repository keep to the rules: their graphs under mocks have no violation, also no advisory one."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.rules import RULES
from tests.policy.cases import findings
from tests.policy.graphs import resources
from tests.unit.aws import engine
from tests.unit.stacks.programs import deploy_config, kubeconfig_text, stack_config


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig_text(), encoding="utf-8")
    monkeypatch.setenv("ML_PLATFORM_KUBECONFIG", str(path))
    monkeypatch.setenv("KUBECONFIG", str(path))


@pytest.mark.parametrize("stack", ["dev", "platform"])
def test_stacks_on_this_machine_have_no_violation_at_all(stack: str) -> None:
    graph = deploy_config(stack_config(stack), stack=stack).graph
    assert findings(RULES, resources(graph)) == []


@pytest.mark.parametrize("stack", engine.STACKS)
def test_stacks_on_aws_have_no_violation_at_all(stack: str) -> None:
    assert findings(RULES, resources(engine.deployed(stack).graph)) == []


def test_the_graph_of_dev_is_really_judged() -> None:
    """Without its budget, quota and network policies the same graph is refused."""
    graph = deploy_config(stack_config("dev"), stack="dev").graph
    gone = ("PodDisruptionBudget", "ResourceQuota", "NetworkPolicy")
    rest = [resource for resource in resources(graph) if resource.type.rpartition(":")[2] not in gone]
    assert {name for name, _ in findings(RULES, rest)} == {
        "server-has-disruption-budget",
        "namespace-has-quota",
        "namespace-denies-by-default",
    }
