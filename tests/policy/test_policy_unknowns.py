"""Values that are not known yet, or missing: no rule stumbles over one, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from images import content_tag
from policy.graph.images import in_catalog, is_sample, parse, references
from policy.graph.values import UNKNOWN, differs, each, get, no, yes
from policy.rules import RULES
from policy.rules.aws.documents import statements
from tests.policy.cases import Case, cases, findings

CASES = cases()


def variants(value: Any, other: Any) -> Iterator[Any]:
    """The value with each of its parts, at any depth, replaced by another, one at a time."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield {**value, key: other}
            yield from ({**value, key: variant} for variant in variants(item, other))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield [*value[:index], other, *value[index + 1 :]]
            yield from ([*value[:index], variant, *value[index + 1 :]] for variant in variants(item, other))


def changed(case: Case, other: Any) -> Iterator[Case]:
    """The case with every part of its properties replaced, one at a time."""
    for index, resource in enumerate(case.resources):
        for props in variants(resource.props, other):
            resources = [*case.resources]
            resources[index] = replace(resource, props=props)
            yield replace(case, resources=tuple(resources))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_part_that_is_unknown_or_missing_raises_nothing(case: Case) -> None:
    rules = [rule for rule in RULES if rule.name == case.rule]
    tried = [findings(rules, variant.resources) for other in (UNKNOWN, None) for variant in changed(case, other)]
    assert len(tried) >= 2 * sum(len(resource.props) for resource in case.resources)


@pytest.mark.parametrize("case", [case for case in CASES if not case.says], ids=lambda case: case.id)
def test_what_passes_still_passes_when_a_part_of_it_is_not_known_yet(case: Case) -> None:
    rules = [rule for rule in RULES if rule.name == case.rule]
    refused = [variant.resources for variant in changed(case, UNKNOWN) if variant.failure(rules)]
    assert refused == []


def test_values() -> None:
    assert get({"a": UNKNOWN}, "a", "b") is UNKNOWN
    assert get({"a": {"b": 1}}, "a", "b") == 1
    assert get({"a": 1}, "a", "b") is None
    assert each(None) == each(UNKNOWN) == each([UNKNOWN]) == []
    assert each("one") == ["one"]
    assert not differs(UNKNOWN, 1)
    assert differs(None, 1)
    assert (yes("true"), yes(True), yes(UNKNOWN), yes(1)) == (True, True, False, False)
    assert (no(None), no(False), no(UNKNOWN), no("true")) == (True, True, False, False)


@pytest.mark.parametrize("text", ["[]", "1", '"x"'])
def test_a_policy_document_must_be_an_object(text: str) -> None:
    with pytest.raises(ValueError, match="must be a JSON object"):
        statements(text)


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("busybox", ("busybox", None, None)),
        ("registry:5000/a/b", ("registry:5000/a/b", None, None)),
        ("registry:5000/a/b:v1", ("registry:5000/a/b", "v1", None)),
        ("a/b:v1@sha256:abc", ("a/b", "v1", "sha256:abc")),
        ("a/b@sha256:abc", ("a/b", None, "sha256:abc")),
    ],
)
def test_image_references(reference: str, parts: tuple[str, str | None, str | None]) -> None:
    image = parse(reference)
    assert (image.repository, image.tag, image.digest) == parts


def test_a_catalog_lists_images_in_several_ways_and_a_mirror_prefixes_them() -> None:
    catalog = {
        "charts": {"a": {"images": ["x/a:1"]}},
        "tools": [{"image": "y/b:2"}],
        "sets": {"images": {"c": "z/c:3", "d": {"reference": "z/d:4"}}},
    }
    known = frozenset(references(catalog))
    assert known == {"x/a:1", "y/b:2", "z/c:3", "z/d:4"}
    assert in_catalog("x/a:1", known)
    assert in_catalog("mirror.example/cache/x/a:1", known)
    assert not in_catalog("x/a:2", known)
    assert not in_catalog("evilx/a:1", known)


def test_a_sample_image_is_known_by_its_content_and_registry() -> None:
    tag = content_tag("trainer")
    own = ("localhost/*",)
    assert is_sample(f"localhost/ml-platform/trainer:{tag}", own)
    assert not is_sample(f"localhost/ml-platform/predictor:{tag}", own)
    assert not is_sample(f"docker.io/ml-platform/trainer:{tag}", own)
    assert not is_sample("localhost/ml-platform/trainer", own)
    assert not is_sample("localhost/ml-platform/other", own)
