"""The fixtures of the rules: what they look like in YAML, and how they become resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from images import content_tag
from policy.graph.resources import Resource, Stack
from policy.graph.values import UNKNOWN
from policy.rules.model import ResourceRule, StackRule

FOLDER = Path(__file__).parent / "fixtures"
Rule = ResourceRule | StackRule


@dataclass(frozen=True, kw_only=True)
class Case:
    """Resources, and what the rule must say of them: nothing, or a message with `says`, without `hides`."""

    rule: str
    id: str
    resources: tuple[Resource, ...]
    says: str | None = None
    hides: str | None = None

    def failure(self, rules: Sequence[Rule]) -> str | None:
        """Why this case fails under some rules; None when it holds."""
        messages = [message for name, message in findings(rules, self.resources) if name == self.rule]
        if self.says is None:
            return f"{self.id} must pass, but: {messages}" if messages else None
        if not any(self.says in message for message in messages):
            return f"{self.id} must be refused with {self.says!r}, but: {messages}"
        if self.hides and any(self.hides in message for message in messages):
            return f"{self.id} shows a secret: {messages}"
        return None


def findings(
    rules: Sequence[Rule], resources: Sequence[Resource], config: Mapping[str, Any] | None = None
) -> list[tuple[str, str]]:
    """(rule, message) of everything that some rules find in a stack, as the pack would report it."""
    found: list[tuple[str, str]] = []
    for rule in rules:
        settings = rule.with_defaults(config or {})
        if isinstance(rule, StackRule):
            found += [(rule.name, f"{r.label}: {message}") for r, message in rule.check(Stack(resources), settings)]
            continue
        for resource in resources:
            if not rule.types or resource.type in rule.types:
                found += [(rule.name, f"{resource.label}: {m}") for m in rule.check(resource, settings)]
    return found


def cases() -> list[Case]:
    """All cases of all fixture files."""
    found: list[Case] = []
    for path in sorted(FOLDER.rglob("*.yaml")):
        text = path.read_text().replace("<trainer>", content_tag("trainer"))
        for rule, group in yaml.safe_load(text).items():
            for kind in ("passes", "violates"):
                for index, raw in enumerate(group[kind]):
                    found.append(_case(rule, f"{rule}-{kind}-{index}", raw, violates=kind == "violates"))
    return found


def _case(rule: str, name: str, raw: dict[str, Any], *, violates: bool) -> Case:
    resources = raw.get("resources") or [raw]
    says = raw["says"] if violates else None
    return Case(
        rule=rule,
        id=name,
        resources=tuple(make_resource(item) for item in resources),
        says=says,
        hides=raw.get("hides"),
    )


def make_resource(raw: dict[str, Any]) -> Resource:
    """A resource from its YAML form: type, name, props, and what else the fixtures describe."""
    props = dict(raw.get("props", {}))
    for key, listed in raw.get("document", {}).items():
        props[key] = _document(listed)
    if "inline" in raw:
        props["inlinePolicies"] = [{"name": "inline", "policy": _document(raw["inline"])}]
    name = raw.get("name", raw["type"].rpartition(":")[2].lower())
    stack = raw.get("stack", "staging")
    return Resource(
        type=raw["type"],
        urn=_urn(stack, raw["type"], name),
        name=name,
        props=_unknowns(props),
        protect=raw.get("protect", False),
        references=_References(raw.get("references", {})),
        provider=_unknowns(raw.get("provider", {})),
    )


def _urn(stack: str, resource_type: str, name: str) -> str:
    return f"urn:pulumi:{stack}::ml-platform::{resource_type}::{name}"


class _References(dict[str, Sequence[str]]):
    """References of a fixture, by name: equal to the URN of whatever resource has it."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        super().__init__({key: _Names(values) for key, values in names.items()})


class _Names(list[str]):
    def __contains__(self, urn: object) -> bool:
        return isinstance(urn, str) and super().__contains__(urn.rpartition("::")[2])


def _document(listed: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": listed})


def _unknowns(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unknowns(item) for item in value]
    return UNKNOWN if value == "UNKNOWN" else value
