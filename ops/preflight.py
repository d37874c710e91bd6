"""What an AWS account lacks for an environment, before `up`: `python -m ops.preflight Pulumi.prod.yaml`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from rich.console import Console
from rich.table import Table

from ops.checks import Finding, check, failure_code
from ops.needs import needs
from stacks.check import check_stack_file
from stacks.config import Environment
from stacks.faults import ConfigError

STYLES = {"ok": "green", "look": "yellow", "missing": "bold red"}
# Exit codes: 1 the account lacks something, 2 the stack file is bad, 3 AWS could not be asked.
LACKING, BAD_FILE, UNREACHABLE = 1, 2, 3


def table(findings: Sequence[Finding]) -> Table:
    """What was checked, worst first. Remedies only where they are needed."""
    made = Table(title="Preflight", title_justify="left")
    for column in ("check", "needed", "have", "", "what to do"):
        made.add_column(column, overflow="fold")
    order = list(reversed(STYLES))
    for found in sorted(findings, key=lambda finding: order.index(finding.status)):
        remedy = "" if found.status == "ok" else found.remedy
        made.add_row(found.check, found.needed, found.have, found.status, remedy, style=STYLES[found.status])
    return made


def why_unreachable(error: BotoCoreError | ClientError, region: str) -> str:
    """One line about AWS that did not answer, or refused, and what to do."""
    if isinstance(error, NoCredentialsError):
        return "no AWS credentials: log in (`aws sso login`), or set AWS_PROFILE"
    if isinstance(error, ClientError):
        action = f"{error.operation_name} was refused ({failure_code(error)})"
        return f"{action}: log in again, or allow the action to the role"
    return f"AWS in {region} cannot be reached ({error}): check the network, the proxy and the region"


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
        click.echo(f"preflight: {file.name} holds a team's workloads: nothing to check in AWS")
        return None
    stack = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
    try:
        wanted = needs(environment, stack)
    except LookupError as error:
        return _fail(f"{file.name}: {error}", BAD_FILE)
    try:
        findings = check(wanted, boto3.Session(region_name=wanted.region))
    except (BotoCoreError, ClientError) as error:
        return _fail(why_unreachable(error, wanted.region), UNREACHABLE)
    console = Console()
    console.print(table(findings))
    lacking = sum(finding.status == "missing" for finding in findings)
    if lacking:
        console.print(f"{lacking} of {len(findings)} checks fail: `pulumi up` would stop halfway.")
        sys.exit(LACKING)
    return None


if __name__ == "__main__":
    main()
