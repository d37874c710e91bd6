"""The form with one engine event a line (`apitype.EngineEvent`), parsed by the classes of Pulumi's automation API.

Those classes refuse what a newer engine adds. So only the events that are read here are parsed, and of the steps only
those whose operation changes something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pulumi.automation.events import DiagnosticEvent, PolicyEvent, StepEventMetadata, SummaryEvent

from ops.preview.diagnostics import find_failure, strip_marks
from ops.preview.record import Diagnostic, Preview, Resource, Violation, stack_of
from ops.preview.steps import CHANGES, make_resource, merge_steps


def read_events(events: Iterable[Mapping[str, Any]], stack: str) -> Preview:
    """The preview that events tell; `stack` is its name when they name no resources.

    Raises ValueError for a difference of a kind that the SDK does not know.
    """
    steps: list[Resource] = []
    violations: list[Violation] = []
    diagnostics: list[Diagnostic] = []
    summary: Mapping[str, int] = {}
    judged, failed, before_summary = False, False, None
    for event in events:
        if raw := event.get("resourcePreEvent"):
            if raw["metadata"]["op"] in CHANGES:
                steps.append(_resource(StepEventMetadata.from_json(raw["metadata"])))
        elif raw := event.get("policyEvent"):
            violations.append(_violation(PolicyEvent.from_json(raw)))
        elif raw := event.get("diagnosticEvent"):
            found = DiagnosticEvent.from_json(raw)
            if not found.ephemeral and found.severity != "debug":
                diagnostics.append(_diagnostic(found))
        elif raw := event.get("summaryEvent"):
            ended = SummaryEvent.from_json(raw)
            summary = cast("Mapping[str, int]", ended.resource_changes or {})
            judged = judged or bool(ended.policy_packs)
            # The SDK's class leaves `result` out.
            failed, before_summary = raw.get("result") == "failed", len(diagnostics)
        judged = judged or any(key.startswith("policy") for key in event)
    resources = merge_steps(steps)
    return Preview(
        stack=stack_of(resources[0].urn) if resources else stack,
        resources=resources,
        violations=tuple(dict.fromkeys(violations)),
        diagnostics=tuple(diagnostics),
        judged=judged,
        failure=find_failure(diagnostics[: before_summary or None], failed=failed),
        summary=summary,
    )


def _resource(step: StepEventMetadata) -> Resource:
    paths = step.detailed_diff or step.diffs or []
    return make_resource(step.op, step.urn, step.old, step.new, paths, step.keys or [])


def _violation(event: PolicyEvent) -> Violation:
    message = strip_marks(event.message)
    return Violation(
        policy=event.policy_name,
        mandatory=event.enforcement_level == "mandatory",
        urn=event.resource_urn or "",
        # The first line repeats the rule's description; the pack's own message comes after it.
        message=message.partition("\n")[2] or message,
    )


def _diagnostic(event: DiagnosticEvent) -> Diagnostic:
    return Diagnostic(severity=event.severity, message=strip_marks(event.message), urn=event.urn or "")
