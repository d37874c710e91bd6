"""What a stack costs in a month: `pulumi preview --json --show-sames > p.json && python -m ops.cost p.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ops.bill import Line, PriceError
from ops.cost.change import BillChange, compare_bills, difference, dollars
from ops.preview.reading import read_all
from ops.preview.record import PreviewError


def _sums(title: str, first: str, sums: Mapping[str, tuple[float, float]]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    table.add_column("at least", justify="right")
    table.add_column("at most", justify="right")
    for name, (floor, ceiling) in sums.items():
        table.add_row(name, dollars(floor), dollars(ceiling))
    return table


def _lines(lines: tuple[Line, ...]) -> Table:
    table = Table(title="Every line", title_justify="left")
    for column in ("what", "owner"):
        table.add_column(column)
    for column in ("at least", "at most"):
        table.add_column(column, justify="right")
    table.add_column("counted as")
    for line in sorted(lines, key=lambda line: -line.ceiling):
        table.add_row(line.name, line.team, dollars(line.floor), dollars(line.ceiling), line.note)
    return table


def show(console: Console, found: BillChange, *, details: bool) -> None:
    after = found.after
    if not found.finished:
        console.print(f"{found.stack}: no cost estimate, since the preview did not finish.", style="dim")
        return
    if not after.lines and not found.before.lines:
        console.print(f"{found.stack}: no cloud resources, so no bill.")
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


def as_json(found: BillChange) -> dict[str, Any]:
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
@click.option("--region", help="Region of the prices. The default is that of the stack's provider.")
@click.option("--details", is_flag=True, help="Every line of the bill.")
@click.option("--json", "machine", is_flag=True, help="JSON on stdout.")
def main(previews: tuple[Path, ...], region: str | None, details: bool, machine: bool) -> None:
    """Estimate what the stacks of recorded previews cost in a month."""
    try:
        found = [compare_bills(preview, region) for preview in read_all(previews)]
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
