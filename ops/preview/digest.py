"""The form of `pulumi preview --json`, the engine's `display.PreviewDigest`. Of it the SDK parses only the states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.automation.events import StepEventStateMetadata

from ops.preview.diagnostics import find_failure, strip_marks
from ops.preview.record import Diagnostic, Preview, Resource, stack_of
from ops.preview.steps import CHANGES, make_resource, merge_steps

KEYS = frozenset({"steps", "changeSummary", "diagnostics"})


def read_digest(raw: Mapping[str, Any], stack: str) -> Preview:
    """The preview in a digest; `stack` is its name when it lists no resources."""
    resources = merge_steps(_resource(step) for step in raw.get("steps") or [] if step["op"] in CHANGES)
    diagnostics = tuple(
        Diagnostic(
            severity=item.get("severity", "info"),
            message=strip_marks(item.get("message", "")),
            urn=item.get("urn", ""),
        )
        for item in raw.get("diagnostics") or []
    )
    return Preview(
        stack=stack_of(resources[0].urn) if resources else stack,
        resources=resources,
        diagnostics=diagnostics,
        failure=find_failure(diagnostics, failed=False),
        summary=raw.get("changeSummary") or {},
    )


def _resource(step: Mapping[str, Any]) -> Resource:
    old, new = (
        None if state is None else StepEventStateMetadata.from_json(state)
        for state in (step.get("oldState"), step.get("newState"))
    )
    paths = step.get("detailedDiff") or step.get("diffReasons") or []
    return make_resource(step["op"], step["urn"], old, new, paths, step.get("replaceReasons") or [])
