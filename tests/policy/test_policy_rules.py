"""Every rule passes what is right, refuses what is wrong, and is missed when it is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pulumi_aws
import pulumi_kubernetes
import pytest

from policy.rules import RULES
from policy.rules.model import Level, ResourceRule, StackRule
from tests.policy.cases import Case, cases, findings

CASES = cases()
NAMES = [rule.name for rule in RULES]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    assert case.failure(RULES) is None


def test_names_are_unique_and_every_rule_has_both_kinds_of_cases() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 25
    assert {case.rule for case in CASES if case.says} == set(NAMES)
    assert {case.rule for case in CASES if not case.says} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_disabling_a_rule_makes_a_case_fail(name: str) -> None:
    rest = [rule for rule in RULES if rule.name != name]
    failures = [case.id for case in CASES if case.failure(rest)]
    assert failures
    assert all(failure.startswith(f"{name}-violates") for failure in failures)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_rule_explains_itself(rule: ResourceRule | StackRule) -> None:
    assert rule.description.endswith(".")
    assert rule.remedy.endswith(".")
    assert rule.reason
    assert rule.level in Level


def test_configuration_replaces_a_default() -> None:
    outside = next(case for case in CASES if case.id == "image-known-violates-0")
    assert "image-known" in {name for name, _ in findings(RULES, outside.resources)}
    allowed = findings(RULES, outside.resources, {"registries": ["ghcr.io/acme/*"]})
    assert "image-known" not in {name for name, _ in allowed}


def test_types_that_rules_look_for_exist_in_the_sdks() -> None:
    """A type that is misspelt would make a rule that never finds anything."""
    sources = "".join(path.read_text() for path in (ROOT / "policy").rglob("*.py"))
    wanted = set(re.findall(r'"((?:aws|kubernetes):[^"\s]+:[A-Z]\w+)"', sources))
    roots = [Path(str(sdk.__file__)).parent for sdk in (pulumi_aws, pulumi_kubernetes)]
    sdks = "".join((root / "__init__.py").read_text() for root in roots)
    custom = ("kubernetes:karpenter", "kubernetes:helm.sh")
    assert {kind for kind in wanted if not kind.startswith(custom) and f'"{kind}"' not in sdks} == set()
    assert len(wanted) > 40
