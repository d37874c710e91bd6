"""The pull-request comment of recorded previews: `python -m ops.comment prod.json staging.json > comment.md`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ops.bill import PriceError
from ops.comment.page import render
from ops.preview.reading import read_all
from ops.preview.record import PreviewError


@click.command()
@click.argument("previews", nargs=-1, required=True, type=click.Path(path_type=Path))
def main(previews: tuple[Path, ...]) -> None:
    """Write the pull-request comment of recorded previews to stdout."""
    try:
        click.echo(render(read_all(previews)), nl=False)
    except (PreviewError, PriceError) as error:
        click.echo(f"comment: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
