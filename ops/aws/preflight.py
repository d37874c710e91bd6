"""Whether an AWS account has what an environment needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ops.aws.checks.account import Clients, account
from ops.aws.checks.capacity import offerings, reservations
from ops.aws.checks.names import bucket_names, key_aliases, role_names
from ops.aws.checks.quotas import compute_quotas, network_limits
from ops.aws.checks.versions import versions
from ops.aws.errors import explain
from ops.aws.needs import Needs, list_needs
from ops.findings import Finding, UnreachableError
from stacks.environment.config import Environment

CHECKS: tuple[Callable[[Needs, Clients], Iterator[Finding]], ...] = (
    versions,
    compute_quotas,
    network_limits,
    offerings,
    reservations,
    role_names,
    key_aliases,
    bucket_names,
)


def check_account(needs: Needs, clients: Clients) -> list[Finding]:
    """Every finding. In the wrong account only that one: the others would be about the resources of others."""
    first = list(account(needs, clients))
    if first[0].status != "ok":
        return first
    return [*first, *(finding for check in CHECKS for finding in check(needs, clients))]


def check_environment(environment: Environment, stack: str) -> list[Finding]:
    """What the account of an environment has and lacks.

    Raises LookupError for a version that the catalog lacks, UnreachableError when AWS does not answer.
    """
    needs = list_needs(environment, stack)
    try:
        return check_account(needs, boto3.Session(region_name=needs.region))
    except (BotoCoreError, ClientError) as error:
        raise UnreachableError(explain(error, needs.region)) from None
