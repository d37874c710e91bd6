"""From the engine's steps to changes of resources. A replacement comes as several steps of one resource."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pulumi.automation.events import OpType, StepEventStateMetadata

from ops.preview.record import Change, Resource, State
from ops.preview.values import blind

# The operations of the engine that change a resource, or leave it as it is. Reads and refreshes are not listed.
CHANGES: dict[str, Change] = {
    OpType.CREATE: "create",
    OpType.IMPORT: "import",
    OpType.UPDATE: "update",
    OpType.SAME: "same",
    OpType.DELETE: "delete",
    OpType.REPLACE: "replace",
    OpType.CREATE_REPLACEMENT: "replace",
    OpType.DELETE_REPLACED: "replace",
    OpType.IMPORT_REPLACEMENT: "replace",
}
# The operations after which the old resource is gone.
DELETIONS = (OpType.DELETE, OpType.DELETE_REPLACED)
# Where the steps of one resource disagree, the strongest change wins: the last of these.
STRENGTH: tuple[Change, ...] = ("same", "update", "import", "create", "delete", "replace")


def make_resource(
    op: str,
    urn: str,
    old: StepEventStateMetadata | None,
    new: StepEventStateMetadata | None,
    paths: Iterable[str],
    causes: Iterable[str],
) -> Resource:
    """The change that one step makes. `op` is one of `CHANGES`."""
    return Resource(
        urn=urn,
        change=CHANGES[op],
        before=_state(old),
        after=None if op in DELETIONS else _state(new),
        paths=tuple(sorted(paths)),
        causes=tuple(causes),
    )


def _state(found: StepEventStateMetadata | None) -> State | None:
    if found is None:
        return None
    return State(inputs=blind(found.inputs or {}), protect=bool(found.protect), retain=bool(found.retain_on_delete))


def merge_steps(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """One entry a resource, in the order of the first steps."""
    found: dict[str, Resource] = {}
    for new in resources:
        old = found.get(new.urn)
        found[new.urn] = new if old is None else _merge(old, new)
    return tuple(found.values())


def _merge(old: Resource, new: Resource) -> Resource:
    return replace(
        old,
        change=max(old.change, new.change, key=STRENGTH.index),
        before=old.before or new.before,
        after=old.after or new.after,
        paths=tuple(sorted({*old.paths, *new.paths})),
        causes=tuple(sorted({*old.causes, *new.causes})),
    )
