"""What a recorded preview says: which resources change how, and what the policies found.

Two forms are read, and may be mixed:
- `pulumi preview --json`: one object with `steps` and `diagnostics`. It has no policy results.
- the same command with PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true: one engine event a line, with policy results.

The shapes are those of the engine's `display.PreviewDigest` and `apitype.EngineEvent` (pulumi 3.259).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

Change = Literal["create", "update", "replace", "delete", "import", "same"]
# Operations of the engine by what they mean for a resource. A replacement comes as several steps; the strongest wins.
CHANGES: dict[str, Change] = {
    "create": "create",
    "import": "import",
    "update": "update",
    "same": "same",
    "delete": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "import-replacement": "replace",
}
STRENGTH: tuple[Change, ...] = ("same", "update", "import", "create", "delete", "replace")
# How the engine writes a secret into JSON, and what stands for it here.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105
SECRET = "[secret]"  # noqa: S105
# All that the engine says of a program that failed, or of one that a policy refused.
GENERIC = "preview failed"
# Marks for colours in messages of events, such as <{%reset%}>.
COLOUR = re.compile(r"<\{%.*?%\}>")
# What the engine writes where only the update can tell.
UNKNOWNS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class PreviewError(ValueError):
    """A file that is no recorded preview. The message names the file and how to record one."""


@dataclass(frozen=True, kw_only=True)
class State:
    """One side of a change: the inputs of a resource, and whether deleting it deletes anything."""

    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    protect: bool = False
    retain: bool = False


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource and what happens to it. `paths`: properties that differ; `causes`: those that force a replacement."""

    urn: str
    change: Change
    before: State | None
    after: State | None
    paths: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return type_of(self.urn)

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, kw_only=True)
class Violation:
    policy: str
    mandatory: bool
    urn: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    severity: str
    message: str
    urn: str = ""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One stack's preview. `judged`: whether the record has policy results at all; `failure`: why it ended early."""

    stack: str
    resources: tuple[Resource, ...]
    violations: tuple[Violation, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    judged: bool = False
    failure: str | None = None
    summary: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def counts(self) -> Counter[Change]:
        """How many resources change how; the unchanged ones as the engine counts them, listed or not."""
        found: Counter[Change] = Counter(resource.change for resource in self.resources)
        found["same"] = max(found["same"], self.summary.get("same", 0))
        return found

    @property
    def complete(self) -> bool:
        """Whether unchanged resources are in the record too (`--show-sames`)."""
        return sum(resource.change == "same" for resource in self.resources) >= self.summary.get("same", 0)


def uncoloured(text: str) -> str:
    """A message without the engine's marks for colours, and without its severity, which is a field of its own."""
    return re.sub(r"^(error|warning): ", "", COLOUR.sub("", text).strip())


def failure_of(diagnostics: Iterable[Diagnostic], *, failed: bool) -> str | None:
    """Why a preview failed: its first error, or what its program printed last before it ended.

    The engine reports a program that ended with an exception as text on its standard error and, in one of the two
    forms, as the bare error `preview failed`. What is printed after that is of no interest.
    """
    printed = ""
    for diagnostic in diagnostics:
        if diagnostic.severity == "error":
            return printed or diagnostic.message if diagnostic.message == GENERIC else diagnostic.message
        if diagnostic.severity == "info#err":
            printed = diagnostic.message or printed
    return (printed or GENERIC) if failed else None


def type_of(urn: str) -> str:
    """The type in `urn:pulumi:<stack>::<project>::<parents>$<type>::<name>`."""
    parts = urn.split("::")
    return parts[2].rpartition("$")[2] if len(parts) > 3 else ""


def stack_of(urn: str) -> str:
    return urn.split("::")[0].rpartition(":")[2]


def blinded(value: Any) -> Any:
    """A value as the program wrote it: secrets blinded, unknowns None, nested all the way."""
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if mapping.get(SIGNATURE) == SECRET_SIGNATURE:
            return SECRET
        return {key: blinded(item) for key, item in mapping.items() if key != "__defaults"}
    if isinstance(value, list):
        return [blinded(item) for item in cast("list[Any]", value)]
    return None if isinstance(value, str) and value in UNKNOWNS else value


def _state(raw: Mapping[str, Any] | None) -> State | None:
    if raw is None:
        return None
    return State(
        inputs=blinded(raw.get("inputs") or {}),
        protect=bool(raw.get("protect")),
        retain=bool(raw.get("retainOnDelete")),
    )


def _resource(step: Mapping[str, Any]) -> Resource | None:
    """A resource from one step of either form; None for reads, refreshes and the like."""
    change = CHANGES.get(step["op"])
    if change is None:
        return None
    paths = sorted(step.get("detailedDiff") or step.get("diffReasons") or step.get("diffs") or [])
    return Resource(
        urn=step["urn"],
        change=change,
        before=_state(step.get("oldState") or step.get("old")),
        after=None if step["op"] in ("delete", "delete-replaced") else _state(step.get("newState") or step.get("new")),
        paths=tuple(paths),
        causes=tuple(step.get("replaceReasons") or step.get("keys") or []),
    )


def _merged(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """One entry a resource, in the order of its first step."""
    found: dict[str, Resource] = {}
    for new in resources:
        old = found.get(new.urn)
        if old is None:
            found[new.urn] = new
            continue
        found[new.urn] = Resource(
            urn=new.urn,
            change=STRENGTH[max(STRENGTH.index(old.change), STRENGTH.index(new.change))],
            before=old.before or new.before,
            after=old.after or new.after,
            paths=tuple(sorted({*old.paths, *new.paths})),
            causes=tuple(sorted({*old.causes, *new.causes})),
        )
    return tuple(found.values())


def _digest(raw: Mapping[str, Any], stack: str | None) -> Preview:
    steps = [_resource(step) for step in raw.get("steps") or []]
    resources = _merged(resource for resource in steps if resource)
    diagnostics = tuple(
        Diagnostic(
            severity=item.get("severity", "info"),
            message=uncoloured(item.get("message", "")),
            urn=item.get("urn", ""),
        )
        for item in raw.get("diagnostics") or []
    )
    return Preview(
        stack=stack_of(resources[0].urn) if resources else stack or "",
        resources=resources,
        diagnostics=diagnostics,
        failure=failure_of(diagnostics, failed=False),
        summary=raw.get("changeSummary") or {},
    )


def _events(events: Iterable[Mapping[str, Any]], stack: str | None) -> Preview:
    steps: list[Resource] = []
    violations: list[Violation] = []
    diagnostics: list[Diagnostic] = []
    summary: Mapping[str, int] = {}
    judged, failed, told = False, False, 0
    for event in events:
        if found := event.get("resourcePreEvent"):
            resource = _resource(found["metadata"])
            steps += [resource] if resource else []
        elif found := event.get("policyEvent"):
            violations.append(
                Violation(
                    policy=found["policyName"],
                    mandatory=found["enforcementLevel"] == "mandatory",
                    urn=found.get("resourceUrn", ""),
                    # The first line repeats what the rule is about; the pack's own words come after it.
                    message=uncoloured(found["message"]).partition("\n")[2] or uncoloured(found["message"]),
                )
            )
        elif (found := event.get("diagnosticEvent")) and not found.get("ephemeral") and found["severity"] != "debug":
            diagnostics.append(
                Diagnostic(severity=found["severity"], message=uncoloured(found["message"]), urn=found.get("urn", ""))
            )
        elif found := event.get("summaryEvent"):
            summary = found.get("resourceChanges") or {}
            judged = judged or bool(found.get("PolicyPacks"))
            failed, told = found.get("result") == "failed", len(diagnostics)
        judged = judged or any(key.startswith("policy") for key in event)
    resources = _merged(steps)
    return Preview(
        stack=stack_of(resources[0].urn) if resources else stack or "",
        resources=resources,
        violations=tuple(dict.fromkeys(violations)),
        diagnostics=tuple(diagnostics),
        judged=judged,
        failure=failure_of(diagnostics[: told or None], failed=failed),
        summary=summary,
    )


def read(path: Path) -> Preview:
    """The preview recorded in a file. Its stack is that of its resources, else the file's name up to the first dot.

    Raises PreviewError for a file that cannot be read or is neither form.
    """
    stack = path.name.split(".")[0]
    how = "record one with: pulumi preview --json > preview.json"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PreviewError(f"{path}: cannot be read ({error}); {how}") from None
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        whole = None
    if isinstance(whole, dict) and ("steps" in whole or "changeSummary" in whole or "diagnostics" in whole):
        return _digest(cast("dict[str, Any]", whole), stack)
    try:
        events = [json.loads(line) for line in text.splitlines() if line.strip()]
    except json.JSONDecodeError:
        events = []
    if not events or not all(isinstance(event, dict) and "sequence" in event for event in events):
        raise PreviewError(f"{path}: is no recorded preview; {how}")
    return _events(events, stack)


def read_all(paths: Iterable[Path]) -> list[Preview]:
    """Previews by stack, in the order given. Several files of one stack are put together."""
    found: dict[str, Preview] = {}
    for path in paths:
        new = read(path)
        old = found.get(new.stack)
        found[new.stack] = _together(old, new) if old else new
    return list(found.values())


def _together(one: Preview, other: Preview) -> Preview:
    """Two records of one preview: the steps of the one that has more, the policy results of both."""
    more = max(one, other, key=lambda preview: len(preview.resources))
    return Preview(
        stack=one.stack,
        resources=more.resources,
        violations=tuple(dict.fromkeys((*one.violations, *other.violations))),
        diagnostics=tuple(dict.fromkeys((*one.diagnostics, *other.diagnostics))),
        judged=one.judged or other.judged,
        failure=one.failure or other.failure,
        summary=more.summary or one.summary or other.summary,
    )
