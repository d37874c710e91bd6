"""What the account of a stack lacks, before `pulumi up`: `python -m ops.preflight Pulumi.prod.yaml`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ops.aws import preflight as aws
from ops.findings import Finding, UnreachableError
from stacks.check import check_stack_file
from stacks.environment.config import Environment
from stacks.language.faults import ConfigError

# By `cluster.kind`: the clouds whose accounts can be checked.
CLOUDS: Mapping[str, Callable[[Environment, str], list[Finding]]] = {"aws": aws.check_environment}
STYLES = {"ok": "green", "look": "yellow", "missing": "bold red"}
# Exit codes: 1 the account lacks something, 2 the stack file is bad, 3 the cloud did not answer.
LACKING, BAD_FILE, UNREACHABLE = 1, 2, 3


def make_table(findings: Sequence[Finding]) -> Table:
    """What was checked, worst first. Remedies only where they are needed."""
    made = Table(title="Preflight", title_justify="left")
    for column in ("check", "needed", "have", "", "what to do"):
        made.add_column(column, overflow="fold")
    order = list(reversed(STYLES))
    for found in sorted(findings, key=lambda finding: order.index(finding.status)):
        remedy = "" if found.status == "ok" else found.remedy
        made.add_row(found.check, found.needed, found.have, found.status, remedy, style=STYLES[found.status])
    return made


def _fail(message: str, code: int) -> None:
    click.echo(f"preflight: {message}", err=True)
    sys.exit(code)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def main(file: Path) -> None:
    """Check quotas, instance types, limits, names and versions in the account of a stack file."""
    try:
        environment = check_stack_file(file)
    except ConfigError as error:
        return _fail(str(error), BAD_FILE)
    if not isinstance(environment, Environment):
        click.echo(f"preflight: {file.name} holds a team's workloads: there is no account to check")
        return None
    kind = environment.cluster.kind
    if kind not in CLOUDS:
        return _fail(f"{file.name}: only clusters of kind {', '.join(CLOUDS)} have an account, not {kind}", BAD_FILE)
    stack = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
    try:
        findings = CLOUDS[kind](environment, stack)
    except LookupError as error:
        return _fail(f"{file.name}: {error}", BAD_FILE)
    except UnreachableError as error:
        return _fail(str(error), UNREACHABLE)
    console = Console()
    console.print(make_table(findings))
    lacking = sum(finding.status == "missing" for finding in findings)
    if lacking:
        console.print(f"{lacking} of {len(findings)} checks fail: `pulumi up` would stop halfway.")
        sys.exit(LACKING)
    return None


if __name__ == "__main__":
    main()
