"""The comment as Markdown, with as many rows as fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.comment.markdown import code, escape, folded, table
from ops.comment.review import Loss, is_alarming, label, list_losses
from ops.cost.change import BillChange, compare_bills, difference, dollars
from ops.preview.diagnostics import GENERIC
from ops.preview.record import Preview, Resource

# The workflow finds its comment by this line when it updates it.
MARKER = "<!-- ml-platform preview -->"
# The longest comment that GitHub accepts, in characters.
LIMIT = 65_536
# Rows of each table, from the full comment to the shortest.
ROWS = (500, 100, 30, 10, 3)
WORDS = {"create": "create", "update": "update", "replace": "replace", "delete": "destroy", "import": "import"}


def _changed(preview: Preview) -> list[Resource]:
    """The resources that the update would touch.

    Left out are components and the stack, which only group others, and providers that are created or updated: they
    touch nothing by themselves.
    """
    quiet = ("create", "update")
    return [
        resource
        for resource in preview.resources
        if resource.change != "same"
        and not resource.type.startswith(("pulumi:pulumi:", "mlplatform:"))
        and not (resource.type.startswith("pulumi:providers:") and resource.change in quiet)
    ]


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A preview and what follows from it: computed once, shown in several places and lengths."""

    preview: Preview
    changed: list[Resource]
    losses: list[Loss]
    bill: BillChange


def review(preview: Preview) -> Reviewed:
    changed = _changed(preview)
    return Reviewed(preview=preview, changed=changed, losses=list_losses(preview), bill=compare_bills(preview))


def _counts(reviewed: Reviewed) -> dict[str, int]:
    counts = dict.fromkeys(WORDS, 0)
    for resource in reviewed.changed:
        counts[resource.change] += 1
    return counts


def _lost(reviewed: Reviewed, change: str) -> str:
    found = [loss for loss in reviewed.losses if loss.resource.change == change]
    if not found:
        return "0"
    data = sum(loss.data for loss in found)
    return f"**{len(found)}**" + (f" ({data} with data)" if data else "")


def _policy(preview: Preview) -> str:
    if not preview.judged:
        return "did not run"
    mandatory = sum(violation.mandatory for violation in preview.violations)
    advisory = len(preview.violations) - mandatory
    parts = [f"**{mandatory} refused**"] if mandatory else []
    parts += [f"{advisory} advised"] if advisory else []
    return ", ".join(parts) or "passed"


def _money(found: BillChange) -> str:
    if not found.after.lines and not found.before.lines:
        return "–"
    least = f"{dollars(found.after.floor)} ({difference(found.floor)})"
    most = f"{dollars(found.after.ceiling)} ({difference(found.ceiling)})"
    return f"{least} to {most}"


def _row(reviewed: Reviewed) -> list[str]:
    preview, counts = reviewed.preview, _counts(reviewed)
    state = "ok" if any(counts.values()) else "no change"
    if preview.refused:
        state = "**refused**"
    elif preview.failure:
        state = "**failed**"
    created = str(counts["create"] + counts["import"])
    replaced, destroyed = _lost(reviewed, "replace"), _lost(reviewed, "delete")
    money = _money(reviewed.bill)
    return [code(preview.stack), state, created, str(counts["update"]), replaced, destroyed, _policy(preview), money]


def _first(reviews: Sequence[Reviewed], rows: int) -> list[str]:
    """What a reviewer must look at before anything else."""
    lines: list[str] = []
    for reviewed in reviews:
        preview = reviewed.preview
        stack = code(preview.stack)
        refused = [violation for violation in preview.violations if violation.mandatory]
        # A refusal also fails the preview, without a message of its own.
        if preview.failure and not (refused and preview.failure == GENERIC):
            lines.append(f"- {stack} failed: {escape(preview.failure)}")
        alarming = [loss for loss in reviewed.losses if is_alarming(loss)]
        for loss in alarming[:rows]:
            word = "destroys" if loss.resource.change == "delete" else "replaces"
            lines.append(f"- {stack} {word} {code(label(loss.resource))}: **{loss.meaning}**")
        lines += _more(len(alarming), rows)
        lines += [f"- {stack} is refused by {code(found.policy)}: {escape(found.message)}" for found in refused[:rows]]
        lines += _more(len(refused), rows)
    return ["### Look at this first", "", *lines, ""] if lines else []


def _more(count: int, rows: int) -> list[str]:
    return [f"- … and {count - rows} more"] if count > rows else []


def _changes(reviewed: Reviewed, rows: int) -> list[str]:
    """Every change, the dangerous ones first. Property paths, never values."""
    order = ("delete", "replace", "create", "import", "update")
    found = sorted(reviewed.changed, key=lambda resource: order.index(resource.change))
    if not found:
        return []
    meanings = {loss.resource.urn: loss.meaning for loss in reviewed.losses}
    cells: list[list[str]] = []
    for resource in found[:rows]:
        what = ", ".join(code(path) for path in (resource.causes or resource.paths)[:6])
        if resource.change == "replace" and what:
            what = f"because of {what}"
        said = [part for part in (meanings.get(resource.urn, ""), what) if part]
        cells.append([WORDS[resource.change], code(label(resource)), "; ".join(said)])
    lines = [*table(("change", "resource", "what"), cells), *_rest(len(found), rows)]
    return folded(f"{reviewed.preview.stack}: changes ({len(found)})", lines)


def _rest(count: int, rows: int) -> list[str]:
    return ["", f"… and {count - rows} more, in the log of the job."] if count > rows else []


def _advice(reviewed: Reviewed, rows: int) -> list[str]:
    preview = reviewed.preview
    advised = [violation for violation in preview.violations if not violation.mandatory]
    warnings = list(dict.fromkeys(d.message for d in preview.diagnostics if d.severity == "warning"))
    if not advised and not warnings:
        return []
    lines = [f"- {code(found.policy)}: {escape(found.message)}" for found in advised[:rows]]
    lines += _more(len(advised), rows)
    lines += [f"- warning: {escape(message)}" for message in warnings[:rows]]
    lines += _more(len(warnings), rows)
    return folded(f"{preview.stack}: policy advice ({len(advised)}), warnings ({len(warnings)})", lines)


def _bill(reviewed: Reviewed, rows: int) -> list[str]:
    found = reviewed.bill
    if not found.after.lines and not found.before.lines:
        return []
    lines: list[str] = []
    for title, sums, old in (
        ("team", found.after.by(lambda line: line.team), found.before.by(lambda line: line.team)),
        ("pool", found.after.by(lambda line: line.pool), found.before.by(lambda line: line.pool)),
        ("kind", found.after.by(lambda line: line.group), found.before.by(lambda line: line.group)),
    ):
        names = sorted({*sums, *old})
        cells: list[list[str]] = []
        for name in names[:rows]:
            (floor, ceiling), (was_floor, was_ceiling) = sums.get(name, (0, 0)), old.get(name, (0, 0))
            least = f"{dollars(floor)} ({difference(floor - was_floor)})"
            most = f"{dollars(ceiling)} ({difference(ceiling - was_ceiling)})"
            cells.append([code(name), least, most])
        if cells:
            head = (f"by {title}", "at least a month", "at most a month")
            lines += [*table(head, cells, numbers=(1, 2)), *_rest(len(names), rows), ""]
    for team, most in sorted((found.after.quotas or {}).items())[:rows]:
        lines.append(
            f"By its quota team {code(team)} can use GPUs of shared pools for at most {dollars(most)} of that."
        )
        lines.append("")
    lines += [f"- {escape(note)}" for note in found.notes]
    return folded(f"{found.stack}: cost", lines)


def _rendered(reviews: Sequence[Reviewed], rows: int) -> str:
    head = ("stack", "preview", "create", "update", "replace", "destroy", "policy", "cost a month")
    lines = [MARKER, "## Preview", "", *table(head, map(_row, reviews), numbers=(2, 3)), ""]
    lines += _first(reviews, rows)
    for reviewed in reviews:
        for part in (_changes(reviewed, rows), _advice(reviewed, rows), _bill(reviewed, rows)):
            lines += [*part, ""] if part else []
    return "\n".join(lines).rstrip() + "\n"


def render(previews: Sequence[Preview], limit: int = LIMIT) -> str:
    """The comment, with as many rows as fit into `limit` characters. Never longer, whatever the previews hold."""
    reviews, text = [review(preview) for preview in previews], ""
    for rows in ROWS:
        text = _rendered(reviews, rows)
        if len(text) <= limit:
            return text
    # Only a comment on very many stacks comes here. The summary matters most: keep whole lines of it.
    end = "\n\nToo long for a comment: the rest is in the log of the job.\n"
    kept = text[: limit - len(end)].rpartition("\n")[0]
    return kept + end
