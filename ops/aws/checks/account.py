"""The account that is checked, and who owns a resource in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from components.aws import tags
from ops.aws.needs import Needs
from ops.findings import Finding


class Clients(Protocol):
    """A source of clients: a boto3 session in the account's region."""

    def client(self, service_name: str, /) -> Any: ...


def is_ours(found: Iterable[dict[str, str]], stack: str) -> bool:
    """Whether the tags of a resource name this stack as its maker. AWS spells the keys of tags in two ways."""
    pairs = {tag.get("Key", tag.get("TagKey")): tag.get("Value", tag.get("TagValue")) for tag in found}
    return pairs.get(tags.ENVIRONMENT) == stack and pairs.get(tags.MANAGED_BY) == "pulumi"


def account(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """The credentials are those of the account that the stack file names."""
    have = clients.client("sts").get_caller_identity()["Account"]
    yield Finding(
        check="account",
        needed=needs.account,
        have=have,
        status="ok" if have == needs.account else "missing",
        remedy=f"use credentials of {needs.account}, or change cluster.account",
    )
