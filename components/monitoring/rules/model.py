"""Alerts and recording rules as values, and the form in which Prometheus reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

# `critical`: users are hurt now, somebody is woken. `warning`: somebody looks at it on a working day.
Severity = Literal["critical", "warning"]
DEFAULT_RUNBOOKS = "docs/runbooks.md"
_LABEL = re.compile(r"\{\{ \$labels\.([a-zA-Z_]+) \}\}")


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A condition that a person has to know of.

    `expression` is PromQL, `hold` how long it must be true (Prometheus' `for`). `summary` is one sentence, with
    labels of the result as `{{ $labels.name }}` and no other template.
    """

    name: str
    expression: str
    severity: Severity
    summary: str
    hold: str = "0m"

    def runbook(self, runbooks: str = DEFAULT_RUNBOOKS) -> str:
        """Address of the entry that says what to do. `runbooks` is the address of the page."""
        return f"{runbooks}#{self.name.lower()}"

    def summary_labels(self) -> frozenset[str]:
        """The labels that the summary takes from the alert."""
        return frozenset(_LABEL.findall(self.summary))

    def summary_for(self, labels: Mapping[str, str]) -> str:
        """The summary of an alert with these labels."""
        return _LABEL.sub(lambda match: labels.get(match[1], ""), self.summary)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A series that is worked out once and read by alerts and dashboards."""

    record: str
    expression: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class RuleGroup:
    """Rules that are evaluated one after the other."""

    name: str
    rules: Sequence[Alert | Recording]


def rule_group(group: RuleGroup, *, runbooks: str = DEFAULT_RUNBOOKS) -> dict[str, Any]:
    """A group as Prometheus and a PrometheusRule have it."""
    return {"name": group.name, "rules": [_rule(rule, runbooks) for rule in group.rules]}


def _rule(rule: Alert | Recording, runbooks: str) -> dict[str, Any]:
    if isinstance(rule, Recording):
        recording: dict[str, Any] = {"record": rule.record, "expr": rule.expression}
        return {**recording, "labels": dict(rule.labels)} if rule.labels else recording
    alert: dict[str, Any] = {"alert": rule.name, "expr": rule.expression}
    if rule.hold != "0m":
        alert["for"] = rule.hold
    alert["labels"] = {"severity": rule.severity}
    alert["annotations"] = {"summary": rule.summary, "runbook_url": rule.runbook(runbooks)}
    return alert
