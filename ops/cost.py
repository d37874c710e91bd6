"""What a stack costs in a month: `pulumi preview --json --show-sames > p.json && python -m ops.cost p.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ops.bill import Estimate, Line
from ops.estimate import estimate, items, region_of
from ops.preview import Preview, PreviewError, read_all
from ops.price_table import FALLBACK_REGION, PriceError, Prices, load


@dataclass(frozen=True, kw_only=True)
class Change:
    """The bill of a stack before and after a previewed change."""

    stack: str
    before: Estimate
    after: Estimate
    prices: Prices
    complete: bool

    @property
    def floor(self) -> float:
        return self.after.floor - self.before.floor

    @property
    def ceiling(self) -> float:
        return self.after.ceiling - self.before.ceiling

    @property
    def notes(self) -> list[str]:
        """What a reader must know before relying on the figures."""
        found = [self.prices.note]
        if not self.complete:
            found.append("Unchanged resources are not in the record: the sums lack them. Record with --show-sames.")
        if self.after.unpriced:
            found.append(f"Not counted: {', '.join(self.after.unpriced)}.")
        found.append("Not counted anywhere: traffic between zones and out, support, tax; nor savings plans.")
        return found


def change(preview: Preview, region: str | None = None) -> Change:
    """The bills of a preview. The region is that of its AWS provider unless given."""
    before, after = items(preview, "before"), items(preview, "after")
    prices = load(region or region_of(after) or region_of(before) or FALLBACK_REGION)
    return Change(
        stack=preview.stack,
        before=estimate(before, prices),
        after=estimate(after, prices),
        prices=prices,
        complete=preview.complete,
    )


def dollars(amount: float) -> str:
    """Whole dollars with their sign before the symbol."""
    return f"{'-' if round(amount) < 0 else ''}${abs(round(amount)):,}"


def difference(amount: float) -> str:
    return "no change" if round(amount) == 0 else ("+" if amount > 0 else "") + dollars(amount)


def _sums(title: str, first: str, sums: Mapping[str, tuple[float, float]]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    table.add_column("at least", justify="right")
    table.add_column("at most", justify="right")
    for name, (floor, ceiling) in sums.items():
        table.add_row(name, dollars(floor), dollars(ceiling))
    return table


def _lines(lines: tuple[Line, ...]) -> Table:
    table = Table(title="What it is made of", title_justify="left")
    for column in ("what", "whose"):
        table.add_column(column)
    for column in ("at least", "at most"):
        table.add_column(column, justify="right")
    table.add_column("counted as")
    for line in sorted(lines, key=lambda line: -line.ceiling):
        table.add_row(line.name, line.team, dollars(line.floor), dollars(line.ceiling), line.note)
    return table


def show(console: Console, found: Change, *, details: bool) -> None:
    after = found.after
    if not after.lines and not found.before.lines:
        console.print(f"{found.stack}: no AWS resources, so no bill.")
        return
    console.print(
        f"[bold]{found.stack}[/bold]: {dollars(after.floor)} to {dollars(after.ceiling)} a month "
        f"(change: at least {difference(found.floor)}, at most {difference(found.ceiling)})"
    )
    console.print(_sums("By team", "team", after.by(lambda line: line.team)))
    console.print(_sums("By pool", "pool", after.by(lambda line: line.pool)))
    console.print(_sums("By kind", "kind", after.by(lambda line: line.group)))
    for team, most in sorted((after.quotas or {}).items()):
        console.print(f"By its quota team {team} can use GPUs of shared pools for at most {dollars(most)} of that.")
    if details:
        console.print(_lines(after.lines))
    for note in found.notes:
        console.print(note, style="dim", markup=False, highlight=False)


def as_json(found: Change) -> dict[str, Any]:
    after = found.after
    return {
        "stack": found.stack,
        "floor": round(after.floor, 2),
        "ceiling": round(after.ceiling, 2),
        "change": {"floor": round(found.floor, 2), "ceiling": round(found.ceiling, 2)},
        "teams": after.by(lambda line: line.team),
        "pools": after.by(lambda line: line.pool),
        "quotas": after.quotas or {},
        "notes": found.notes,
    }


@click.command()
@click.argument("previews", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--region", help="AWS region of the prices; that of the stack's provider unless given.")
@click.option("--details", is_flag=True, help="Every line of the bill.")
@click.option("--json", "machine", is_flag=True, help="JSON on stdout.")
def main(previews: tuple[Path, ...], region: str | None, details: bool, machine: bool) -> None:
    """Estimate what the stacks of recorded previews cost in a month."""
    try:
        found = [change(preview, region) for preview in read_all(previews)]
    except (PreviewError, PriceError) as error:
        click.echo(f"cost: {error}", err=True)
        sys.exit(1)
    if machine:
        click.echo(json.dumps([as_json(one) for one in found], indent=2))
        return
    console = Console()
    for one in found:
        show(console, one, details=details)


if __name__ == "__main__":
    main()
